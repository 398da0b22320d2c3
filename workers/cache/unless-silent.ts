/**
 * A browser's storage now and then answers nobody: after its data are cleared under a page that is just leaving,
 * Chromium's Cache Storage, and the estimate that counts it, say nothing for up to a minute. Whoever waits for ever then
 * keeps a person from their answer, for files that can be fetched again.
 */
const patience = 10_000

/** What `work` gives, or `otherwise` where it has said nothing for `milliseconds`; what it says later goes unheard. */
export function unlessSilent<T, Otherwise>(
  work: Promise<T>,
  otherwise: Otherwise,
  milliseconds = patience,
): Promise<T | Otherwise> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(otherwise), milliseconds)
    work.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}
