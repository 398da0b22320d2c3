/**
 * What crosses the boundary between page and workers: errors, types, the workers' interfaces. How it crosses stands in
 * transfer.ts; page and workers share these two files and no other.
 */
import type { HubPooling } from './packs/hub/tokens'

export * from './errors'
export type {
  AnswerEvent,
  AnswerStats,
  AskRequest,
  ForcedToken,
  GenerationOptions,
  LanguageApi,
  LanguageInfo,
  PromptOptions,
  Turn,
} from './language/api'
export { defaultHub, hubParameter, parseHubOrigin } from './offline/hub-origin'
export type {
  FolderFile,
  HubFitness,
  HubLook,
  HubOffer,
  PackFitness,
  PackOffer,
  PackProblem,
  PacksApi,
} from './packs/api'
export { hubAddress, hubManifestName, hubRepository } from './packs/hub/address'
export { type HubName, parseRepository } from './packs/hub/repository'
export { type HubPooling, hubPoolings, type VisualCost, type VisualShape, visualCost } from './packs/hub/tokens'
export type {
  ClipSource,
  EncodedClip,
  EncodeEvent,
  EncodeOptions,
  FrameRoute,
  MediaInfo,
  VisionApi,
  VisionInfo,
} from './vision/api'

export type Backend = 'webgpu' | 'wasm'
/** The decoder's graphs, by how their weights are stored. */
export const graphFlavours = ['int8', 'q8f32', 'q8f16', 'q4f16', 'f32'] as const
export type GraphFlavour = (typeof graphFlavours)[number]

/** Live resources by kind; every count is zero when nothing is open. */
export type LedgerSnapshot = Readonly<Record<string, number>>

/**
 * Bytes of GPU memory that one worker took: our buffers and textures, and the weights given to ONNX Runtime for the GPU.
 * What that runtime allocates for itself is not known here.
 */
export type GpuMemory = {
  readonly bytes: number
  /** The most at any time since the worker started. */
  readonly peakBytes: number
}

/** A worker asks its page to start a worker for it, with which it then speaks by `port`; see workers/runtime/page-threads.ts. */
export type ThreadRequest = {
  readonly startThread: { readonly url: string; readonly options: WorkerOptions; readonly port: MessagePort }
}
/** By that port, from the worker that asked. */
export type ToThread = { readonly message: unknown } | { readonly end: true }
/** And to it. */
export type FromThread = { readonly message: unknown } | { readonly error: string }

export type LoadStage = 'manifest' | 'download' | 'verify' | 'derive' | 'session' | 'warm-up'
/** `done`/`total` are bytes for download, verify and derive, else steps. */
export type LoadProgress = { readonly stage: LoadStage; readonly done: number; readonly total: number }

export type LoadOptions = {
  /** Absolute URL of pack.json; `hub:owner/name` of a repository that is held here (hubAddress). */
  readonly packUrl: string
  /** Forces a backend instead of choosing by capability (tests, `?vision=wasm`). */
  readonly backend?: Backend
  /** Forces a decoder graph instead of the backend's best (tests, parity checks). */
  readonly flavour?: GraphFlavour
  /** Absolute URL of the folder with the app's own packs: where a pack that was imported without its base finds it. */
  readonly basesUrl?: string
  /** Keeps what clips become (tokens, KV) between visits and takes it from there; absent: neither. */
  readonly keepClips?: boolean
  /** false: nothing is run before it is asked for but what the first question begins with. */
  readonly warmUp?: boolean
  /** The most threads that WASM kernels get; as many as there are cores, up to four, where absent. */
  readonly threads?: number
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
  /** What is held of the hub's repositories; their files lie with those of all packs. */
  hub: 'valley-hub',
  /** How long a frame takes on each backend. */
  speeds: 'valley-speeds',
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

/** The one hand-off between the workers. Row-major float32, transferred. */
export type VisualTokens = {
  readonly clipId: string
  readonly kind: 'video' | 'image'
  /** [P, hiddenSize] */
  readonly patchTokens: Float32Array<ArrayBuffer>
  /** [T, hiddenSize]; empty where the pack reads an image by its patches alone. */
  readonly frameTokens: Float32Array<ArrayBuffer>
  readonly hiddenSize: number
  /** [4, hiddenSize]: the pack's embeddings of im_start, im_end, vi_start, vi_end; empty: nothing stands around the tokens. */
  readonly markers: Float32Array<ArrayBuffer>
  /** Captions of the pack's store nearest to the clip, best first; [] where the pack has no store. */
  readonly quotes: readonly string[]
  /** What the prompt of a pack of the hub must know beside; absent: a pack of our own. */
  readonly hub?: {
    readonly pooling: HubPooling
    /** When each frame is seen, in seconds from the clip's start. */
    readonly times: readonly number[]
  }
}
/** What travels on the port between the workers. */
export type TokenMessage =
  | { readonly type: 'tokens'; readonly tokens: VisualTokens }
  | { readonly type: 'forget'; readonly clipId: string }

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
