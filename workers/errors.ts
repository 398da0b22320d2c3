/** Every failure that crosses a boundary: a code of a closed set, with data. */

/** The closed set of failures. The page has one sentence and one next step per code; nothing matches on message text. */
export const errorCodes = [
  'unsupported-browser', // something the app cannot do without is missing; data.feature
  'not-a-video', // neither a container nor an image we know; data.name, data.type
  'empty-file', // zero bytes
  'no-video-track', // a media file with sound only; data.format
  'codec-unsupported', // data.codec, data.container
  'clip-damaged', // container or stream broken beyond use; data.stage
  'file-unreadable', // the file moved, was deleted or changed after it was opened
  'out-of-memory',
  'device-lost', // the GPU device is gone; data.reason
  'worker-died', // the worker stopped answering for good; data.worker
  'engine-elsewhere', // another tab took the engine over
  'download-failed', // data.url, data.status
  'integrity', // a file's bytes are not those the pack promises; data.url
  'pack-invalid', // data.path, data.problems
  'quota', // the browser gives no more storage; data.needed, data.free (both in bytes; absent where not known)
  'hub-gated', // the hub wants an account or an agreement; data.repository, data.status
  'hub-moved', // no such repository, revision or file there (any more); data.repository, data.status
  'hub-busy', // too many requests; data.repository, data.seconds (null: not said)
  'hub-blocked', // our own policy let the request not out; data.origin
  'hub-integrity', // bytes are not those that the hub states; data.repository, data.path
  'hub-family', // a model of a kind that cannot be run here; data.repository, data.family
  'hub-config', // a configuration lacks or contradicts something; data.repository, data.path, data.problems
  'hub-layout', // files are not there in a form that runs here; data.repository, data.missing
  'hub-operator', // a graph wants an operator that the runtime has not; data.operator
  'hub-other-device', // files were fetched for a graphics card that is not here now; data.repository, data.feature
  'hub-too-big', // more memory than this device has; data.repository, data.needed, data.limit
  'context-full', // the question alone does not fit beside the clip; data.tokens, data.limit
  'clip-unknown', // a question about a clip whose tokens are not (or no longer) here; data.clipId
  'no-text-tower', // the pack cannot search by words; data.packId
  'aborted',
  'internal', // a bug of ours; data carries what is known
] as const
export type ErrorCode = (typeof errorCodes)[number]

export type ErrorData = Readonly<Record<string, string | number | boolean | null | readonly string[]>>

/** An error with a code from the closed set. `message` is for logs; people read the page's sentence for `code`. */
export class ValleyError extends Error {
  readonly code: ErrorCode
  readonly data: ErrorData
  constructor(code: ErrorCode, data: ErrorData = {}, options: { message?: string; cause?: unknown } = {}) {
    super(options.message ?? code, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ValleyError'
    this.code = code
    this.data = data
  }
}

/** Wraps anything thrown as a ValleyError; an AbortError becomes `aborted`, the rest `fallback`. */
export function toValleyError(thrown: unknown, fallback: ErrorCode = 'internal', data: ErrorData = {}): ValleyError {
  if (thrown instanceof ValleyError) return thrown
  if (thrown instanceof DOMException && thrown.name === 'AbortError') return new ValleyError('aborted')
  return new ValleyError(fallback, { ...data, detail: describe(thrown) }, { cause: thrown })
}

/** Throws `aborted` where the signal has fired. Called between steps of every long job. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ValleyError('aborted')
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
}
