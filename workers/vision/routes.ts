/** The ways of a frame to pixels, in order of preference, and what each can be asked to do. */
import type { FrameRoute } from '../protocol'
import { undoPrimaries } from './color'
import { type Orientation, quarterTurn, remaining, type Size } from './geometry'
import type { MediaFrame } from './media-frame'
import { planeFormat } from './planes'

/**
 * Routes to try for `frame`, best first. An external texture is out for colours whose conversion cannot be undone, planes
 * for formats that the browser keeps to itself. Bitmaps of YUV frames are out where planes can be read instead: browsers
 * were seen to convert NV12 up to 5 codes off, and PAL primaries up to 20. `forced` leaves only that one.
 */
export function routesFor({ frame }: MediaFrame, order: readonly FrameRoute[], forced?: FrameRoute): FrameRoute[] {
  if (forced) return [forced]
  const format = frame.format === null ? null : planeFormat(frame.format)
  const yuv = format?.packing === 'yuv' || format?.packing === 'nv'
  return order.filter((route) => {
    if (route === 'external-texture') return undoPrimaries(frame.colorSpace.toJSON()) !== 'unknown'
    if (route === 'planes') return format !== null
    if (route === 'image-bitmap') return !yuv
    return true
  })
}

/** The orientation that the browser itself applies when it draws or imports the frame. */
function browserOrientation(frame: VideoFrame): Orientation {
  const { rotation = 0, flip = false } = frame as VideoFrame & { readonly rotation?: number; readonly flip?: boolean }
  return { rotation: quarterTurn(rotation), flip }
}

/** What a route leaves to us. Planes come as coded; everything else as the browser shows the frame. */
export function orientationFor({ frame, orientation }: MediaFrame, route: FrameRoute): Orientation {
  return route === 'planes' ? orientation : remaining(orientation, browserOrientation(frame))
}

/** The frame as the browser shows it, on white, in a canvas of `size`; `onCpu` where the canvas is to be read back. */
export function drawFrame(source: VideoFrame | ImageBitmap, { width, height }: Size, onCpu: boolean): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: onCpu })
  if (!context) throw new Error('no 2D context')
  context.fillStyle = 'white'
  context.fillRect(0, 0, width, height)
  context.drawImage(source, 0, 0, width, height)
  return canvas
}

export const displaySize = (frame: VideoFrame): Size => ({ width: frame.displayWidth, height: frame.displayHeight })
