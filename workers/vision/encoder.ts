/** What both backends offer to the engine: frames in, CLIP vectors and visual tokens out. */
import type { HubPooling } from '../packs/hub/tokens'
import type { PackManifest } from '../packs/schema'
import type { Backend, FrameRoute } from '../protocol'
import type { Orientation } from './geometry'
import type { MediaFrame } from './media-frame'
import type { PackTensors } from './pack-tensors'
import type { SmallPicture } from './reference/shrink'

export type EncodedTokens = {
  /** [P, H] */
  readonly patchTokens: Float32Array<ArrayBuffer>
  /** [T, H] */
  readonly frameTokens: Float32Array<ArrayBuffer>
}

export type TakenFrame = {
  readonly route: FrameRoute
  /** null where the frame's pixels never came to the CPU. */
  readonly read: Promise<ReadFrame> | null
}

export type ReadFrame = {
  /** The frame in few pixels (`smallSize`), opaque, not yet turned. */
  readonly small: SmallPicture
  /** The turn that is left to do. */
  readonly orientation: Orientation
}

/** One clip being encoded; the job owns its scratch until `dispose`. */
export type EncoderJob = {
  /** Takes the next frame's pixels; the frame may be closed when this resolves. */
  add(media: MediaFrame, forced?: FrameRoute): Promise<TakenFrame>
  /**
   * CLIP vectors (vectorSize) of the next frames whose vectors were not given yet, in the order they were added: one at
   * least while there are such. Later ones may be on their way already.
   */
  run(): Promise<Float32Array<ArrayBuffer>[]>
  /** Pools and projects everything that ran. */
  finish(): Promise<EncodedTokens>
  dispose(): void
}

export type Encoder = {
  readonly backend: Backend
  readonly adapter: string
  /** Frames that may have been added without having been run. */
  readonly batch: number
  /**
   * A job for at most `frames` frames. Errors: out-of-memory.
   * @param pooling  of a pack that has several ways
   */
  begin(frames: number, pooling?: HubPooling): Promise<EncoderJob>
  /** What must be compiled before the first clip, where that takes no longer than a few frames. */
  warmUp(): Promise<void>
  /** Steps that make the first clip faster, for the time until it comes; each one short, to be run one after another. */
  readonly idleWarmUp: readonly (() => Promise<void>)[]
  dispose(): Promise<void>
}

/** A pack's vision half in memory. */
export type VisionPack = {
  readonly manifest: PackManifest
  readonly tower: Uint8Array<ArrayBuffer>
  readonly tensors: PackTensors
}

/** Splits tokens [P + T, H] into patch tokens and frame tokens, each with a buffer of its own (they are transferred). */
export function splitTokens(tokens: Float32Array, patches: number, hiddenSize: number): EncodedTokens {
  const at = patches * hiddenSize
  return { patchTokens: Float32Array.from(tokens.subarray(0, at)), frameTokens: Float32Array.from(tokens.subarray(at)) }
}
