/** Moves the moments of a clip to key frames near them: what stands there is decoded alone. */
import { EncodedPacketSink, type InputVideoTrack } from 'mediabunny'
import { throwIfAborted } from '../protocol'

/** Seconds between two moments below which they stay: so short a clip is decoded soon, and which frame is seen may matter. */
const close = 1
/**
 * How far a moment may be moved, as a share of the time between two: within its own part of the clip, so that they stay apart and in
 * order, and never to the first frame, where many clips are black.
 */
const reach = 2 / 5

/**
 * `timestamps` (seconds, ascending, evenly spaced), each moved to the nearest key frame within two fifths of their distance, where there
 * is one; as they are where they lie close together.
 */
export async function atKeyFrames(
  track: InputVideoTrack,
  timestamps: readonly number[],
  signal: AbortSignal,
): Promise<number[]> {
  const [first = 0, second = 0] = timestamps
  const distance = second - first
  if (distance < close) return [...timestamps]
  const packets = new EncodedPacketSink(track)
  const moved: number[] = []
  for (const timestamp of timestamps) {
    throwIfAborted(signal)
    const near = await keyFramesAround(packets, timestamp)
    const far = (time: number) => Math.abs(time - timestamp)
    const nearest = near.reduce((best, time) => (far(time) < far(best) ? time : best), Number.POSITIVE_INFINITY)
    moved.push(far(nearest) <= reach * distance ? nearest : timestamp)
  }
  return moved
}

/** Presentation timestamps of the last key frame at or before `timestamp` and of the next one. */
async function keyFramesAround(packets: EncodedPacketSink, timestamp: number): Promise<number[]> {
  const only = { metadataOnly: true }
  // Damage here says nothing: decoding will find it, or does not come by it.
  const before = await packets.getKeyPacket(timestamp, only).catch(() => null)
  const after = before && (await packets.getNextKeyPacket(before, only).catch(() => null))
  return [before, after].flatMap((packet) => (packet ? [packet.timestamp] : []))
}
