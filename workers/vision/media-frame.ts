import type { Ledger } from '../runtime/ledger'
import type { Orientation, Size } from './geometry'

/** One decoded picture on its way to the encoder. Whoever holds it closes it. */
export type MediaFrame = {
  readonly frame: VideoFrame
  /** Presentation timestamp in seconds. */
  readonly timestamp: number
  /** What turns the coded picture into the shown one: the container's rotation and flip, nothing applied yet. */
  readonly orientation: Orientation
  /** Size as shown, in square pixels. */
  readonly shown: Size
  close(): void
}

/** Wraps a VideoFrame so that the ledger counts it until `close`. */
export function mediaFrame(
  frame: VideoFrame,
  timestamp: number,
  orientation: Orientation,
  shown: Size,
  ledger: Ledger,
): MediaFrame {
  const uncount = ledger.open('video-frame')
  return {
    frame,
    timestamp,
    orientation,
    shown,
    close: () => {
      frame.close()
      uncount()
    },
  }
}
