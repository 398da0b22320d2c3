/** One visit to a page: opened, used, closed, so that nobody shares the machine with what the one before left running. */
import type { BrowserContext, Page } from 'playwright-core'
import type { GgufFormat } from './assets/gguf'
import type { AppModel } from './assets/models'

export type Stage = {
  readonly context: BrowserContext
  /** Of the app; peers lie below it. */
  readonly url: string
  readonly model: AppModel
  /** Path, below the decoder's folder, of the weights that transformers.js feeds its graph. */
  readonly weights: string
  /** Addresses of the GGUF files, relative to the app's page. */
  readonly gguf: Readonly<Record<GgufFormat, string>>
  /** Threads and backend of the app's decoder; peers get the same. */
  readonly threads: number
  readonly device: 'wasm' | 'webgpu'
  /** Says in the report why a figure is missing. */
  readonly note: (sentence: string) => void
}

/** ms after which a visit counts as hung; the slowest take one or two minutes. */
const patience = 300_000

/** ms that a person takes to choose a clip, at the least: the same for everybody, whatever they use them for. */
const choosingMs = 3000

/** Waits as a person would, between the page's being ready and the clip. */
export const whileChoosing = (page: Page): Promise<void> => page.waitForTimeout(choosingMs)

/**
 * @param before  script that runs in the page before its own
 * @throws what `work` throws, the first error that nobody on the page caught, or that it takes too long
 */
export async function visit<T>(
  context: BrowserContext,
  url: string,
  work: (page: Page) => Promise<T>,
  before = '',
): Promise<T> {
  const page = await context.newPage()
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  let timer: NodeJS.Timeout | undefined
  const tooLong = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no result after ${patience / 1000} s`)), patience)
  })
  const use = async () => {
    // tsx names functions through a helper that the page, to which they are sent, does not have.
    await page.addInitScript(`globalThis.__name = (named) => named; ${before}`)
    // A tab behind another gets no video frames.
    await page.bringToFront()
    await page.goto(url)
    const result = await work(page)
    if (errors[0]) throw errors[0]
    return result
  }
  const using = use()
  // Closing the page ends what still runs there; after a timeout nobody waits for it.
  using.catch(() => {})
  try {
    return await Promise.race([using, tooLong])
  } finally {
    clearTimeout(timer)
    await page.close()
  }
}
