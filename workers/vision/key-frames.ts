/** Moves the moments of a long clip to key frames: what stands there is decoded alone. */
import { EncodedPacketSink, type InputVideoTrack } from 'mediabunny'
import { throwIfAborted } from '../protocol'

/** Seconds between two moments from which on the one that is seen may be another near it. */
const farApart = 8
/** How far a moment may be moved, as a share of the time between two: they stay apart, and in order. */
const reach = 1 / 4

/**
 * `timestamps` (seconds, ascending, evenly spaced), each moved to the last key frame within a quarter of their distance, where there is one.
 * As they are where they lie close together: there the clip is short, and which frame is seen may matter.
 */
export async function atKeyFrames(
  track: InputVideoTrack,
  timestamps: readonly number[],
  signal: AbortSignal,
): Promise<number[]> {
  const [first = 0, second = 0] = timestamps
  const distance = second - first
  if (distance < farApart) return [...timestamps]
  const packets = new EncodedPacketSink(track)
  const moved: number[] = []
  for (const timestamp of timestamps) {
    throwIfAborted(signal)
    const latest = timestamp + reach * distance
    // Damage here says nothing: decoding will find it, or does not come by it.
    const key = await packets.getKeyPacket(latest, { metadataOnly: true }).catch(() => null)
    moved.push(key && key.timestamp >= timestamp - reach * distance ? key.timestamp : timestamp)
  }
  return moved
}
