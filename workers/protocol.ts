/**
 * What crosses the boundary between page and workers: errors, types, the workers' interfaces. How it crosses stands in
 * transfer.ts; page and workers share these two files and no other.
 */

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
  'engine-elsewhere', // another tab took the engine over
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

export type { FolderFile, PackFitness, PackOffer, PackProblem, PacksApi } from './packs/api'

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
  /** Absolute URL of the folder with the app's own packs: where a pack that was imported without its base finds it. */
  readonly basesUrl?: string
  /** Keeps what clips become (tokens, KV) between visits and takes it from there; absent: neither. */
  readonly keepClips?: boolean
}

/** Folders of the origin-private file system, by what is kept in them. Each is this app's alone. */
export const keptFolders = {
  /** Decoder weights in the form that this device runs. */
  derived: 'valley-derived',
  /** Visual tokens, frame vectors and thumbnails of clips. */
  clips: 'valley-clips',
  /** Keys and values of clips' prefixes. */
  prefixes: 'valley-prefixes',
  /** Downloads that ended in the middle. */
  partial: 'valley-partial',
  /** Packs imported from a folder. */
  packs: 'valley-packs',
} as const

/** The Cache Storage that holds packs' files, each under its SHA-256. */
export const packFilesCache = 'valley-files-v1'

/** A pack as people know it, and as whatever was made with it is filed under. */
export type PackIdentity = {
  readonly id: string
  readonly name: string
  readonly version: string
  /** SHA-256 of pack.json: tokens of a pack of another hash mean nothing to this one. */
  readonly hash: string
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
  /** Seconds from the clip's first frame, ascending: these moments in place of the pack's plan (`frames` is then ignored). */
  readonly moments?: readonly number[]
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
  /** What the file is known by, whatever its name (workers/cache/content-hash.ts). */
  readonly contentHash: string
  /** Whether it was known from before: nothing was decoded or encoded. */
  readonly fromCache: boolean
}

export type EncodeEvent =
  /** `pack` looks at it; `fromCache`: it is known to that pack, nothing will be decoded or encoded. */
  | {
      readonly type: 'opened'
      readonly media: MediaInfo
      readonly pack: PackIdentity
      readonly fromCache: boolean
    }
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

/** Where the service worker leaves files that another app shared, until the page takes them. */
export const sharedFiles = {
  /** Path of the share sheet's POST and its form field; public/manifest.webmanifest names the same. */
  action: 'share-target',
  field: 'files',
  cache: 'valley-shared',
  /** Header of a kept file: its name, URI-encoded. */
  nameHeader: 'X-File-Name',
  /** Query parameter of the page that is opened then: `files`, `nothing` (none came) or `failed` (not kept). */
  parameter: 'shared',
} as const
