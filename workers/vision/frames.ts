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
import { withDeadline } from './watchdog'

/** Milliseconds without a decoded frame after which the decoder counts as hung. */
const frameDeadline = 20_000
/** Seconds of video between two frames that are decoded only to see that the decoder still moves. */
const heartbeat = 2

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
    const sink = new VideoSampleSink(track)
    const samples = sink.samplesAtTimestamps(stops(track, timestamps, wanted))
    const answeredBefore = this.answered
    try {
      for (let stop = 0; ; stop++) {
        throwIfAborted(this.signal)
        const { done, value } = await withDeadline(samples.next(), frameDeadline, this.signal, 'decode')
        if (done) break
        if (!wanted[stop]) {
          value?.close()
          continue
        }
        this.answered++
        if (value && value.timestamp > this.#last) {
          this.#last = value.timestamp
          this.frames++
          yield this.#take(value)
        } else value?.close()
      }
    } catch (thrown) {
      if (thrown instanceof ValleyError && thrown.code === 'aborted') throw thrown
      this.failure = thrown
      this.hung = thrown instanceof ValleyError
      // One by one, the failed timestamp itself is what is given up; in the common walk it may still decode.
      if (timestamps.length === 1 && this.answered === answeredBefore) this.answered++
    } finally {
      // Not awaited: it settles only after a pending next(), which a hung decoder never does.
      void samples.return()
    }
  }

  #take(sample: VideoSample): MediaFrame {
    try {
      const orientation: Orientation = { rotation: quarterTurn(sample.rotation), flip: sample.flip }
      const size = { width: sample.squarePixelWidth, height: sample.squarePixelHeight }
      const frame = sample.toVideoFrame()
      return mediaFrame(frame, sample.timestamp, orientation, turned(size, orientation), this.ledger)
    } finally {
      sample.close()
    }
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
