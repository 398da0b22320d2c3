/** One clip through the encoder: plan, decode, encode in batches, pool. Everything it opens it closes. */
import type { HubPooling } from '../packs/hub/tokens'
import {
  type EncodedClip,
  type EncodeEvent,
  type EncodeOptions,
  type FrameRoute,
  type MediaInfo,
  throwIfAborted,
} from '../protocol'
import type { DeviceLoss } from '../runtime/device-loss'
import { macrotask } from '../runtime/macrotask'
import type { EncodedTokens, Encoder, EncoderJob } from './encoder'
import type { OpenedMedia } from './media'
import type { MediaFrame } from './media-frame'
import type { Opening } from './opening'
import { planTimestamps } from './plan'
import type { SeeingPack } from './seeing-pack'
import { thumbnail, thumbnailOf } from './thumbnail'

export type ClipContext = {
  readonly encoder: Encoder
  readonly pack: SeeingPack
  /** Of a pack that has several ways. */
  readonly pooling: HubPooling | undefined
  /** Of the device that the encoder runs on. */
  readonly loss: DeviceLoss
  /** What the source is known by; may still be on its way. */
  readonly contentHash: Promise<string>
  /** Called with the finished tokens, when each frame is seen (seconds from the start) and its vector, before the last event. */
  readonly deliver: (
    media: MediaInfo,
    tokens: EncodedTokens,
    times: readonly number[],
    vectors: readonly Float32Array[],
  ) => void
}

/** See VisionApi.encode. Whoever opens the source closes it. */
export async function* encodeClip(
  context: ClipContext,
  opening: Opening,
  options: EncodeOptions,
  signal: AbortSignal,
): AsyncGenerator<EncodeEvent, void, undefined> {
  const { encoder, pack, pooling, loss } = context
  const { started } = opening
  const { sampling, identity, hiddenSize } = pack
  const media = await opening.media(signal)
  const opened = performance.now() - started
  yield { type: 'opened', media: media.info, pack: identity, fromCache: false }
  const budget = options.frames ?? sampling.defaultFrames
  const moments = options.moments ?? planTimestamps(media.info.duration, sampling, budget)
  const wanted = moments.map((time) => media.start + time)
  // What somebody asked for is seen where they asked for it.
  const planned = options.moments ? wanted : await media.settle(wanted, signal)
  yield { type: 'planned', timestamps: planned }

  const job = await loss.openOrLost(encoder.begin(planned.length, pooling), (late) => late.dispose())
  const run = new EncodeRun(job, encoder.batch, loss)
  try {
    yield* run.frames(media, planned, options.route, signal)
    const tokens = await run.finish(signal)
    // A file that cannot be read any more fails before its tokens are handed over.
    const contentHash = await context.contentHash
    // Before they are given away.
    const count = {
      patchTokens: tokens.patchTokens.length / hiddenSize,
      frameTokens: tokens.frameTokens.length / hiddenSize,
    }
    const times = run.timestamps.map((timestamp) => timestamp - media.start)
    context.deliver(media.info, tokens, times, run.vectors)
    yield* run.rest()
    const clip: EncodedClip = {
      clipId: options.clipId,
      media: media.info,
      timestamps: run.timestamps,
      ...count,
      ...(pooling ? { pooling } : {}),
      backend: encoder.backend,
      route: run.route ?? 'canvas',
      timings: { open: opened, decode: run.decodeMs, encode: run.encodeMs, total: performance.now() - started },
      contentHash,
      fromCache: false,
    }
    yield { type: 'encoded', clip }
  } finally {
    run.dispose()
  }
}

type Pending = { readonly timestamp: number; readonly thumbnail: Promise<Blob> }
type Seen = Pending & { readonly index: number; readonly vector: Float32Array<ArrayBuffer> }

class EncodeRun {
  readonly timestamps: number[] = []
  readonly vectors: Float32Array<ArrayBuffer>[] = []
  route: FrameRoute | undefined
  decodeMs = 0
  encodeMs = 0
  #pending: Pending[] = []
  /** Encoded, not yet told of: the browser makes their thumbnails while the next ones are encoded. */
  #seen: Seen[] = []

  constructor(
    readonly job: EncoderJob,
    readonly batch: number,
    readonly loss: DeviceLoss,
  ) {}

  /** Encodes the planned frames; the events of the last ones are left to `rest`. */
  async *frames(
    media: OpenedMedia,
    planned: readonly number[],
    forced: FrameRoute | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const frames = media.frames(planned, signal)
    try {
      for (;;) {
        const before = performance.now()
        const { done, value } = await frames.next()
        this.decodeMs += performance.now() - before
        if (done) break
        // A stop, if there is one, is heard.
        await macrotask()
        await this.#timed(this.#add(value, forced, signal))
        if (this.#pending.length === this.batch) yield* this.#flush(signal)
      }
      while (this.#pending.length > 0) yield* this.#flush(signal)
    } finally {
      await frames.return()
    }
  }

  async finish(signal: AbortSignal): Promise<EncodedTokens> {
    const tokens = await this.#timed(this.loss.orLost(this.job.finish()))
    throwIfAborted(signal)
    return tokens
  }

  /** The events of frames that were not told of yet. */
  async *rest(): AsyncGenerator<EncodeEvent, void, undefined> {
    for (const { index, timestamp, thumbnail, vector } of this.#seen.splice(0)) {
      yield { type: 'frame', index, timestamp, thumbnail: await thumbnail, vector }
    }
  }

  dispose(): void {
    this.job.dispose()
  }

  async #add(frame: MediaFrame, forced: FrameRoute | undefined, signal: AbortSignal): Promise<void> {
    try {
      throwIfAborted(signal)
      const { route, read } = await this.loss.orLost(this.job.add(frame, forced))
      this.route = route
      const picture = read ? thumbnailOf(read) : thumbnail(frame)
      // Where encoding fails or is stopped first, nobody waits for it.
      picture.catch(() => undefined)
      this.#pending.push({ timestamp: frame.timestamp, thumbnail: picture })
    } finally {
      frame.close()
    }
  }

  async *#flush(signal: AbortSignal): AsyncGenerator<EncodeEvent, void, undefined> {
    const vectors = await this.#timed(this.loss.orLost(this.job.run()))
    // Frames may be ready one after another: a stop is heard between them.
    await macrotask()
    throwIfAborted(signal)
    yield* this.rest()
    if (vectors.length === 0) throw new Error('the tower gave no vector for a frame')
    for (const vector of vectors) {
      const pending = this.#pending.shift()
      if (!pending) throw new Error('the tower gave a vector for no frame')
      const index = this.timestamps.push(pending.timestamp) - 1
      this.vectors.push(vector)
      this.#seen.push({ ...pending, index, vector })
    }
    // Others are being encoded already: nobody waits while these are told of.
    if (this.#pending.length > 0) yield* this.rest()
  }

  async #timed<T>(work: Promise<T>): Promise<T> {
    const before = performance.now()
    try {
      return await work
    } finally {
      this.encodeMs += performance.now() - before
    }
  }
}
