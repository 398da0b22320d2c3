/** What the vision worker offers to the page: a clip becomes events here, and visual tokens for the language worker. */

import type { HubPooling } from '../packs/hub/tokens'
import type { Backend, GpuMemory, LedgerSnapshot, LoadOptions, LoadProgress, PackIdentity } from '../protocol'
import type { FrameMs } from './backend'

/** How a frame reached the encoder's input (in order of preference). */
export type FrameRoute = 'external-texture' | 'planes' | 'image-bitmap' | 'canvas'

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
  /** How a pack of the hub pools the clip; the pack's default where absent. A pack of our own has its one way. */
  readonly pooling?: HubPooling
  /** Forces a frame route (tests). */
  readonly route?: FrameRoute
}

/** Milliseconds. Where frames are encoded beside the decoder, only what was waited for counts as decoding or encoding. */
type EncodeTimings = {
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
  /** How a pack of the hub pooled it. */
  readonly pooling?: HubPooling
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
  /** Whether `embedTexts` has a text tower to ask: what searches by words or compares answers with frames needs one. */
  readonly embedsTexts: boolean
  /** Whether the pack learnt to be told, in a question of two things, which the frames show first; it has a text tower then. */
  readonly tellsOrder: boolean
  /** What the backend was chosen by, ms a frame on each, measured at this load or an earlier one; absent where there was no choice. */
  readonly frameMs?: FrameMs
}

export type VisionApi = {
  /**
   * Loads the tower, pooling and projector. Errors: download-failed, integrity, pack-invalid, unsupported-browser,
   * out-of-memory, device-lost; of a pack of the hub also hub-config, hub-family, hub-operator.
   */
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<VisionInfo>
  /**
   * One step, a frame's work at most, of what makes the first clip's frames as fast as later ones; whether there is more to do.
   * Called when all else is loaded, for as long as nobody wants the processor.
   */
  warmUp(): Promise<boolean>
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
  gpuMemory(): GpuMemory
  /** Test hook: destroys the GPU device as a driver reset would. */
  loseDevice(): void
}
