/** A frame that looks like one of a clip's, to measure or to warm an encoder with. */
import type { Ledger } from '../runtime/ledger'
import { upright } from './geometry'
import { type MediaFrame, mediaFrame } from './media-frame'

/** The work before the tower grows with it, and clips are mostly larger. */
const size = { width: 1280, height: 720 }

/** A grey frame as decoders give them (I420); closed by whoever holds it. */
export function greyFrame(ledger: Ledger): MediaFrame {
  const data = new Uint8Array((size.width * size.height * 3) / 2).fill(128)
  const frame = new VideoFrame(data, {
    format: 'I420',
    codedWidth: size.width,
    codedHeight: size.height,
    timestamp: 0,
    colorSpace: { primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false },
  })
  return mediaFrame(frame, 0, upright, size, ledger)
}
