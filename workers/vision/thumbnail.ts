/** JPEGs of frames as shown, at most 160 px on their long side, on white. */
import type { TakenFrame } from './encoder'
import { fitWithin, type Orientation, type Size, turned } from './geometry'
import type { MediaFrame } from './media-frame'
import { orientationFor } from './routes'

const longSide = 160

export function thumbnail(media: MediaFrame): Promise<Blob> {
  return turnedJpeg(media.frame, fitWithin(media.shown, longSide), orientationFor(media, 'canvas'), false)
}

/** Of a frame's thumbnail before it is turned. */
export const smallSize = (shown: Size, orientation: Orientation): Size =>
  unturned(fitWithin(shown, longSide), orientation)

/**
 * The same from pixels that are on the CPU already, of `smallSize`. Without a GPU the browser takes as long to draw a frame
 * as the tower to encode it.
 */
export async function thumbnailOf(read: NonNullable<TakenFrame['read']>): Promise<Blob> {
  const { small, orientation } = await read
  const { width, height, data } = small
  const canvas = new OffscreenCanvas(width, height)
  contextOf(canvas, true).putImageData(new ImageData(data, width, height), 0, 0)
  return turnedJpeg(canvas, turned(small, orientation), orientation, true)
}

/** A turn swaps the sides, both ways. */
const unturned = ({ width, height }: Size, { rotation }: Orientation): Size =>
  rotation % 180 === 0 ? { width, height } : { width: height, height: width }

function contextOf(canvas: OffscreenCanvas, onCpu: boolean): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: onCpu })
  if (!context) throw new Error('no 2D context')
  return context
}

function turnedJpeg(
  source: VideoFrame | OffscreenCanvas,
  { width, height }: Size,
  orientation: Orientation,
  onCpu: boolean,
): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height)
  const context = contextOf(canvas, onCpu)
  context.fillStyle = 'white'
  context.fillRect(0, 0, width, height)
  context.imageSmoothingQuality = 'medium'
  context.translate(width / 2, height / 2)
  if (orientation.flip) context.scale(-1, 1)
  context.rotate((orientation.rotation * Math.PI) / 180)
  const across = unturned({ width, height }, orientation)
  context.drawImage(source, -across.width / 2, -across.height / 2, across.width, across.height)
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })
}
