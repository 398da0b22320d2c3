/**
 * The only file that page and workers share: what crosses the worker boundary, and how.
 *
 * comlink moves calls; three things it loses are restored here by transfer handlers: our errors (code, data, cause),
 * AbortSignals, and async iterables (pulled one item at a time, so the consumer sets the pace).
 */
import * as Comlink from 'comlink'

// ---------------------------------------------------------------------------------------------------------- errors

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
  'download-failed', // data.url, data.status
  'integrity', // a file's bytes are not those the pack promises; data.url
  'pack-invalid', // data.path, data.problems
  'quota', // the browser gives no more storage; data.needed
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

// ----------------------------------------------------------------------------------------------------- common types

export type Backend = 'webgpu' | 'wasm'
/** The decoder's graphs, by how their weights are stored. */
export const graphFlavours = ['int8', 'q8f32', 'q8f16', 'f32'] as const
export type GraphFlavour = (typeof graphFlavours)[number]
/** How a frame reached the encoder's input (in order of preference). */
export type FrameRoute = 'external-texture' | 'planes' | 'image-bitmap' | 'canvas'

/** Live resources by kind; every count is zero when nothing is open. */
export type LedgerSnapshot = Readonly<Record<string, number>>

export type LoadStage = 'manifest' | 'download' | 'verify' | 'derive' | 'session' | 'warm-up'
/** `done`/`total` are bytes for download, verify and derive, else steps. */
export type LoadProgress = { readonly stage: LoadStage; readonly done: number; readonly total: number }

export type LoadOptions = {
  /** Absolute URL of pack.json. */
  readonly packUrl: string
  /** Forces a backend instead of choosing by capability (tests, `?vision=wasm`). */
  readonly backend?: Backend
  /** Forces a decoder graph instead of the backend's best (tests, parity checks). */
  readonly flavour?: GraphFlavour
}

// ----------------------------------------------------------------------------------------------------------- vision

export type MediaInfo = {
  readonly kind: 'video' | 'image'
  /** Container name as people know it: MP4, WebM, Matroska, QuickTime, Ogg, JPEG… */
  readonly container: string
  /** Codec string (RFC 6381) or image type. */
  readonly codec: string
  /** Size as displayed: after rotation and pixel aspect ratio. */
  readonly width: number
  readonly height: number
  /** Clockwise degrees that the container asks for. */
  readonly rotation: 0 | 90 | 180 | 270
  /** Seconds; 0 for an image. */
  readonly duration: number
}

/** What is encoded as one clip: a media file, or the frames themselves as pictures in time order. */
export type ClipSource = Blob | readonly Blob[]

export type EncodeOptions = {
  /** The clip's name here; tokens are filed under it in the language worker. */
  readonly clipId: string
  /** File name, for messages. */
  readonly name: string
  /** Upper bound of sampled frames; the pack's default where absent. */
  readonly frames?: number
  /** Forces a frame route (tests). */
  readonly route?: FrameRoute
}

export type EncodeTimings = {
  /** Milliseconds. */
  readonly open: number
  readonly decode: number
  readonly encode: number
  readonly total: number
}

export type EncodedClip = {
  readonly clipId: string
  readonly media: MediaInfo
  /** Presentation timestamps (seconds) of the frames actually encoded, ascending; length T. */
  readonly timestamps: readonly number[]
  readonly patchTokens: number
  readonly frameTokens: number
  readonly backend: Backend
  readonly route: FrameRoute
  readonly timings: EncodeTimings
}

export type EncodeEvent =
  | { readonly type: 'opened'; readonly media: MediaInfo }
  | { readonly type: 'planned'; readonly timestamps: readonly number[] }
  /** One frame is encoded. `thumbnail`: at most 160 px on its long side. `vector`: the frame's CLIP vector. */
  | {
      readonly type: 'frame'
      readonly index: number
      readonly timestamp: number
      readonly thumbnail: Blob
      readonly vector: Float32Array<ArrayBuffer>
    }
  | { readonly type: 'encoded'; readonly clip: EncodedClip }

export type VisionInfo = {
  readonly packId: string
  readonly backend: Backend
  readonly adapter: string
  readonly loadMs: number
}

export type VisionApi = {
  /** Loads the tower, pooling and projector. Errors: download-failed, integrity, pack-invalid, unsupported-browser, out-of-memory. */
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<VisionInfo>
  /** The port to the language worker, on which finished visual tokens (VisualTokens) leave. */
  connect(port: MessagePort): void
  /** Opens, samples, decodes, encodes, pools, projects; the tokens go to the connected port, the events to the caller. */
  encode(source: ClipSource, options: EncodeOptions, signal: AbortSignal): AsyncIterable<EncodeEvent>
  /**
   * CLIP vectors of texts, [texts, size] row-major, of length 1; their dot products with frames' vectors rank both. The text
   * tower loads at the first call. Errors: no-text-tower, those of load, aborted.
   */
  embedTexts(texts: readonly string[], signal: AbortSignal): Promise<Float32Array<ArrayBuffer>>
  ledger(): LedgerSnapshot
  /** Test hook: destroys the GPU device as a driver reset would. */
  loseDevice(): void
}

/** The one hand-off between the workers. Row-major float32, transferred. */
export type VisualTokens = {
  readonly clipId: string
  readonly kind: 'video' | 'image'
  /** [P, hiddenSize] */
  readonly patchTokens: Float32Array<ArrayBuffer>
  /** [T, hiddenSize] */
  readonly frameTokens: Float32Array<ArrayBuffer>
  readonly hiddenSize: number
  /** [4, hiddenSize]: the pack's embeddings of im_start, im_end, vi_start, vi_end. */
  readonly markers: Float32Array<ArrayBuffer>
  /** Captions of the pack's store nearest to the clip, best first; [] where the pack has no store. */
  readonly quotes: readonly string[]
}
/** What travels on the port between the workers. */
export type TokenMessage =
  | { readonly type: 'tokens'; readonly tokens: VisualTokens }
  | { readonly type: 'forget'; readonly clipId: string }

// --------------------------------------------------------------------------------------------------------- language

/** What of the pack's offer the prompt holds. */
export type PromptOptions = {
  /** false: not the captions of similar scenes that the pack would quote. */
  readonly quotes?: boolean
}

/** What is left out is as the pack says. */
export type GenerationOptions = PromptOptions & {
  /** At most half of the context. */
  readonly maxNewTokens?: number
  /** 0 = greedy. */
  readonly temperature?: number
  readonly topP?: number
  readonly repetitionPenalty?: number
  /** Hypotheses of a beam search, 1 to 3; more than one only where temperature is 0. */
  readonly beams?: number
  /** A finished hypothesis counts its log p divided by its length to this power. */
  readonly lengthPenalty?: number
  /** Seed of the sampler; the same seed gives the same answer on the same backend. */
  readonly seed?: number
}

export type Turn = { readonly question: string; readonly answer: string }

/** A question with its whole conversation; the worker reuses whatever prefix of it its KV cache already holds. */
export type AskRequest = {
  /** null: a text-only conversation. */
  readonly clipId: string | null
  readonly turns: readonly Turn[]
  readonly question: string
  readonly options?: GenerationOptions
}

export type AnswerStats = {
  readonly promptTokens: number
  /** Prompt tokens whose KV was already there. */
  readonly reusedTokens: number
  readonly newTokens: number
  /** Milliseconds from request to the first token's text. */
  readonly timeToFirstToken: number
  readonly prefillMs: number
  /** Decoding alone, first token excluded. */
  readonly tokensPerSecond: number
  readonly backend: Backend
  /** Oldest turns that no longer fit and were left out of the prompt. */
  readonly droppedTurns: number
  /** Hypotheses that were weighed at once; 1: greedy or sampled. */
  readonly beams: number
  /** Captions of similar scenes that the prompt quoted. */
  readonly quotes: readonly string[]
}

export type AnswerEvent =
  | { readonly type: 'prefill'; readonly done: number; readonly total: number }
  /** Text that stays. */
  | { readonly type: 'text'; readonly text: string }
  /** What the likeliest beam would say after the text so far: not to be shown, but kept should the answer stop here. */
  | { readonly type: 'draft'; readonly text: string }
  /** `ids`: the answer's tokens, without the one that ends it. */
  | {
      readonly type: 'done'
      readonly reason: 'end' | 'length'
      readonly ids: readonly number[]
      readonly stats: AnswerStats
    }

/** One position of a teacher-forced answer. */
export type ForcedToken = {
  /** The likeliest id there. */
  readonly top: number
  /** log p of the forced id, nats. */
  readonly logP: number
}

export type LanguageInfo = {
  readonly packId: string
  readonly backend: Backend
  readonly threads: number
  readonly contextTokens: number
  /** Whether derived weights came from the cache. */
  readonly cached: boolean
  readonly loadMs: number
}

export type LanguageApi = {
  /** Loads tokenizer and decoder, deriving the backend's weights at first load. Errors as VisionApi.load, and quota. */
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<LanguageInfo>
  connect(port: MessagePort): void
  /** Streams an answer. Aborting ends it within one step. Errors: clip-unknown, context-full, aborted, device-lost. */
  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>
  /** Mean log p (nats per token) of each text as the answer to `question` about the clip, teacher-forced. */
  score(
    clipId: string | null,
    question: string,
    texts: readonly string[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly number[]>
  /** Forces an answer's `ids` one position a step, as a first question about the clip would be answered with them. */
  force(
    clipId: string | null,
    question: string,
    ids: readonly number[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly ForcedToken[]>
  /** Prefills the clip's prefix (system prompt, visual tokens, quotes): the first question then costs only its own text. */
  prepare(clipId: string, options: PromptOptions, signal: AbortSignal): Promise<void>
  forget(clipId: string): void
  ledger(): LedgerSnapshot
}

// -------------------------------------------------------------------------------------------------- comlink handlers

type WireError =
  | {
      kind: 'valley'
      code: ErrorCode
      data: ErrorData
      message: string
      stack: string | undefined
      cause: WireError | undefined
    }
  | { kind: 'other'; name: string; message: string; stack: string | undefined }

export function errorToWire(thrown: unknown): WireError {
  if (thrown instanceof ValleyError) {
    const { code, data, message, stack, cause } = thrown
    return { kind: 'valley', code, data, message, stack, cause: cause === undefined ? undefined : errorToWire(cause) }
  }
  if (thrown instanceof Error) return { kind: 'other', name: thrown.name, message: thrown.message, stack: thrown.stack }
  return { kind: 'other', name: 'Error', message: String(thrown), stack: undefined }
}

export function errorFromWire(wire: WireError): Error {
  if (wire.kind === 'valley') {
    const cause = wire.cause === undefined ? {} : { cause: errorFromWire(wire.cause) }
    const error = new ValleyError(wire.code, wire.data, { message: wire.message, ...cause })
    if (wire.stack) error.stack = wire.stack
    return error
  }
  const error = new Error(wire.message)
  error.name = wire.name
  if (wire.stack) error.stack = wire.stack
  return error
}

type ThrownValue = { value: unknown }

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

type StreamRequest = 'next' | 'return'
type StreamReply = { ok: true; done: boolean; value: unknown } | { ok: false; error: WireError }

/** Serves an async iterable over a port: one reply per request; `return` runs the producer's `finally`. */
function serveStream(iterable: AsyncIterable<unknown>, port: MessagePort): void {
  const iterator = iterable[Symbol.asyncIterator]()
  port.onmessage = async ({ data }: MessageEvent<StreamRequest>) => {
    try {
      const result = data === 'next' ? await iterator.next() : await iterator.return?.()
      const done = result?.done ?? true
      port.postMessage({ ok: true, done, value: result?.value } satisfies StreamReply)
      if (done) port.close()
    } catch (thrown) {
      port.postMessage({ ok: false, error: errorToWire(toValleyError(thrown)) } satisfies StreamReply)
      port.close()
    }
  }
}

function consumeStream(port: MessagePort): AsyncIterableIterator<unknown> {
  let settle: ((reply: StreamReply) => void) | undefined
  let finished = false
  port.onmessage = ({ data }: MessageEvent<StreamReply>) => settle?.(data)
  const request = async (kind: StreamRequest): Promise<IteratorResult<unknown>> => {
    if (finished) return { done: true, value: undefined }
    const reply = await new Promise<StreamReply>((resolve) => {
      settle = resolve
      port.postMessage(kind)
    })
    if (!reply.ok || reply.done) {
      finished = true
      port.close()
    }
    if (!reply.ok) throw errorFromWire(reply.error)
    return reply.done ? { done: true, value: undefined } : { done: false, value: reply.value }
  }
  return {
    next: () => request('next'),
    return: () => request('return'),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Registers the three handlers with comlink. Both sides call it once before anything is exposed or wrapped. */
export function registerTransferHandlers(): void {
  // comlink marks thrown values with a private symbol; its own handler is replaced so that code, data and cause survive.
  const original = Comlink.transferHandlers.get('throw')
  if (original) {
    Comlink.transferHandlers.set('throw', {
      canHandle: original.canHandle,
      serialize: ({ value }: ThrownValue) => [errorToWire(value), []],
      deserialize: (wire: WireError) => {
        throw errorFromWire(wire)
      },
    } as Comlink.TransferHandler<ThrownValue, WireError>)
  }
  Comlink.transferHandlers.set('abort-signal', {
    canHandle: (value): value is AbortSignal => value instanceof AbortSignal,
    serialize: (signal) => {
      const { port1, port2 } = new MessageChannel()
      const fire = () => {
        port1.postMessage('abort')
        port1.close()
      }
      if (signal.aborted) fire()
      else signal.addEventListener('abort', fire, { once: true })
      return [port2, [port2]]
    },
    deserialize: (port: MessagePort) => {
      const controller = new AbortController()
      port.onmessage = () => {
        controller.abort()
        port.close()
      }
      return controller.signal
    },
  } satisfies Comlink.TransferHandler<AbortSignal, MessagePort>)
  Comlink.transferHandlers.set('stream', {
    canHandle: isAsyncIterable,
    serialize: (iterable) => {
      const { port1, port2 } = new MessageChannel()
      serveStream(iterable, port1)
      return [port2, [port2]]
    },
    deserialize: (port: MessagePort) => consumeStream(port),
  } satisfies Comlink.TransferHandler<AsyncIterable<unknown>, MessagePort>)
}
