import { fitWithin } from './geometry'
import type { MediaFrame } from './media-frame'
import { orientationFor } from './routes'

const longSide = 160

/** A JPEG of the frame as shown, at most 160 px on its long side, on white. */
export function thumbnail(media: MediaFrame): Promise<Blob> {
  const { width, height } = fitWithin(media.shown, longSide)
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new Error('no 2D context')
  context.fillStyle = 'white'
  context.fillRect(0, 0, width, height)
  context.imageSmoothingQuality = 'medium'
  const { rotation, flip } = orientationFor(media, 'canvas')
  context.translate(width / 2, height / 2)
  if (flip) context.scale(-1, 1)
  context.rotate((rotation * Math.PI) / 180)
  const [across, down] = rotation % 180 === 0 ? [width, height] : [height, width]
  context.drawImage(media.frame, -across / 2, -down / 2, across, down)
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.8 })
}
