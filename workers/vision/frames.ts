/**
 * Decodes the frames at chosen timestamps, in order, a bounded number at a time. Damage costs the frames it hits, not the
 * clip; a decoder that stops answering ends the walk instead of hanging it.
 */
import { EncodedPacketSink, type InputVideoTrack, type VideoSample, VideoSampleSink } from 'mediabunny'
import { throwIfAborted, ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { type Orientation, quarterTurn, turned } from './geometry'
import { mediaError } from './media'
import { type MediaFrame, mediaFrame } from './media-frame'
import { SparseSampleSink } from './sparse-sink'
import { withDeadline } from './watchdog'

/** Milliseconds without a decoded frame after which the decoder counts as hung. */
const frameDeadline = 20_000
/** Seconds of video between two frames that are decoded only to see that the decoder still moves. */
const heartbeat = 2
/** Timestamps are rational numbers of the container, ours are floats. */
const epsilon = 1e-6

export type OpenedTrack = { readonly track: InputVideoTrack; readonly start: number; readonly file: Blob }

/** See OpenedMedia.frames. */
export async function* decodeFrames(
  source: OpenedTrack,
  timestamps: readonly number[],
  ledger: Ledger,
  signal: AbortSignal,
): AsyncGenerator<MediaFrame, void, undefined> {
  const walk = new Walk(source, ledger, signal)
  // All in one walk: each packet is decoded at most once. mediabunny drops finished frames when its decoder fails, so
  // after a failure the frames still wanted are fetched one by one, each in a walk that stops where the frame stands.
  yield* walk.through(timestamps)
  if (walk.lookupFailed) yield* walk.scan(timestamps.slice(walk.answered))
  while (walk.failure && walk.answered < timestamps.length && !walk.hung) {
    yield* walk.through(timestamps.slice(walk.answered, walk.answered + 1))
  }
  if (walk.frames === 0 && !walk.hung) yield* walk.through([source.start])
  if (walk.frames > 0) return
  throw walk.failure
    ? await mediaError(walk.failure, source.file, 'decode')
    : new ValleyError('clip-damaged', { stage: 'decode', detail: 'no frame' })
}

class Walk {
  /** Timestamps dealt with so far, whether they gave a frame or not. */
  answered = 0
  /** Frames handed out. */
  frames = 0
  failure: unknown
  hung = false
  /** The container could not say where a frame's key frame is, though it may have one. */
  lookupFailed = false
  #last = Number.NEGATIVE_INFINITY

  constructor(
    readonly source: OpenedTrack,
    readonly ledger: Ledger,
    readonly signal: AbortSignal,
  ) {}

  /** Hands out the frames at `timestamps`, new ones only; a failure ends the walk and stays in `failure`. */
  async *through(timestamps: readonly number[]): AsyncGenerator<MediaFrame, void, undefined> {
    const { track } = this.source
    const wanted: boolean[] = []
    const sink = await SparseSampleSink.open(track)
    const samples = sink.samplesAtTimestamps(stops(track, timestamps, wanted))
    const answeredBefore = this.answered
    try {
      for (let stop = 0; ; stop++) {
        const { done, value } = await this.#next(samples)
        if (done) break
        if (!wanted[stop]) {
          value?.close()
          continue
        }
        if (!value) {
          this.lookupFailed = true
          break
        }
        this.answered++
        yield* this.#handOut(value)
      }
    } catch (thrown) {
      this.#fail(thrown)
      // One by one, the failed timestamp itself is what is given up; in the common walk it may still decode.
      if (timestamps.length === 1 && this.answered === answeredBefore) this.answered++
    } finally {
      // Not awaited: it settles only after a pending next(), which a hung decoder never does.
      void samples.return()
    }
  }

  /**
   * The same without the container's index: recordings made live have none, and mediabunny then finds no key frame that
   * lies in an earlier cluster. Key frames are listed by walking the packets, and decoded onwards from.
   */
  async *scan(timestamps: readonly number[]): AsyncGenerator<MediaFrame, void, undefined> {
    const { track } = this.source
    for (const { key, wanted } of await groupByKey(track, timestamps, this.signal)) {
      const samples = new VideoSampleSink(track).samples(key, (wanted.at(-1) ?? key) + epsilon)
      const waiting = [...wanted]
      let held: VideoSample | undefined
      try {
        for (;;) {
          const { done, value } = await this.#next(samples)
          if (done) break
          while (held && waiting.length > 0 && value.timestamp > (waiting[0] ?? 0) + epsilon) {
            waiting.shift()
            const sample = held.clone()
            yield* this.#handOut(sample)
          }
          held?.close()
          held = value
        }
        if (held && waiting.length > 0) {
          const sample = held.clone()
          yield* this.#handOut(sample)
        }
      } catch (thrown) {
        this.#fail(thrown)
        if (this.hung) return
      } finally {
        held?.close()
        void samples.return()
        this.answered += wanted.length
      }
    }
  }

  async #next<T>(samples: AsyncGenerator<T, void, unknown>): Promise<IteratorResult<T, void>> {
    throwIfAborted(this.signal)
    return withDeadline(samples.next(), frameDeadline, this.signal, 'decode')
  }

  #fail(thrown: unknown): void {
    if (thrown instanceof ValleyError && thrown.code === 'aborted') throw thrown
    this.failure = thrown
    this.hung = thrown instanceof ValleyError
  }

  /** Yields the sample as a frame unless it is the one handed out last; closes it in any case. */
  *#handOut(sample: VideoSample): Generator<MediaFrame, void, undefined> {
    let taken: MediaFrame | undefined
    try {
      if (sample.timestamp > this.#last) {
        const orientation: Orientation = { rotation: quarterTurn(sample.rotation), flip: sample.flip }
        const size = { width: sample.squarePixelWidth, height: sample.squarePixelHeight }
        const shown = turned(size, orientation)
        taken = mediaFrame(sample.toVideoFrame(), sample.timestamp, orientation, shown, this.ledger)
        this.#last = sample.timestamp
        this.frames++
      }
    } finally {
      sample.close()
    }
    if (taken) yield taken
  }
}

/**
 * The timestamps to stop at: the wanted ones, and before each a heartbeat every few seconds where the decoder has to run
 * that long from the key frame. `wanted` tells them apart, in the same order.
 */
async function* stops(track: InputVideoTrack, timestamps: readonly number[], wanted: boolean[]) {
  const packets = new EncodedPacketSink(track)
  let previous = Number.NEGATIVE_INFINITY
  for (const timestamp of timestamps) {
    const key = await packets.getKeyPacket(timestamp, { metadataOnly: true })
    const from = Math.max(key?.timestamp ?? timestamp, previous)
    for (let beat = from + heartbeat; beat < timestamp; beat += heartbeat) {
      wanted.push(false)
      yield beat
    }
    wanted.push(true)
    yield timestamp
    previous = timestamp
  }
}

/** Each wanted timestamp with the last key frame at or before it, found by walking from key frame to key frame. */
async function groupByKey(track: InputVideoTrack, timestamps: readonly number[], signal: AbortSignal) {
  const packets = new EncodedPacketSink(track)
  const metadataOnly = { metadataOnly: true }
  const groups: { readonly key: number; readonly wanted: number[] }[] = []
  let key = await packets.getFirstKeyPacket(metadataOnly)
  let next = key && (await packets.getNextKeyPacket(key, metadataOnly))
  for (const timestamp of timestamps) {
    while (next && next.timestamp <= timestamp + epsilon) {
      throwIfAborted(signal)
      key = next
      next = await packets.getNextKeyPacket(key, metadataOnly)
    }
    if (!key) continue
    if (groups.at(-1)?.key !== key.timestamp) groups.push({ key: key.timestamp, wanted: [] })
    groups.at(-1)?.wanted.push(timestamp)
  }
  return groups
}
