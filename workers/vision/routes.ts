/** The ways of a frame to pixels, in order of preference, and what each can be asked to do. */
import type { FrameRoute } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { undoPrimaries } from './color'
import { type Orientation, quarterTurn, remaining, type Size } from './geometry'
import { type MediaFrame, mediaFrame } from './media-frame'
import { planeFormat, readPlanes } from './planes'
import { planesToRgba } from './reference/planes'

/**
 * Formats whose import is known. Chromium imports the others over its canvas, which converts with other numbers (10 bits:
 * up to 11 codes off) and leaves primaries alone, so that undoing their conversion is wrong (up to 65 codes).
 */
const importable: readonly (string | null)[] = ['I420', 'I420A', 'NV12', 'RGBA', 'RGBX', 'BGRA', 'BGRX', null]

/**
 * Routes to try for `frame`, best first. An external texture is out for formats and colours whose conversion is unknown or
 * cannot be undone, planes for formats that the browser keeps to itself. `forced` leaves only that one, or none.
 */
export function routesFor({ frame }: MediaFrame, order: readonly FrameRoute[], forced?: FrameRoute): FrameRoute[] {
  return order.filter((route) => {
    if (forced !== undefined && route !== forced) return false
    if (route === 'external-texture') {
      return importable.includes(frame.format) && undoPrimaries(frame.colorSpace.toJSON()) !== 'unknown'
    }
    return route !== 'planes' || (frame.format !== null && planeFormat(frame.format) !== null)
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

const srgb: VideoColorSpaceInit = { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'rgb', fullRange: true }

/**
 * The picture for bitmaps and canvases, which are left to carry RGB only: YUV frames come converted by us, on white and as
 * coded. Browsers convert them with coefficients cut to bytes (Chromium: NV12 of BT.709 up to 12 codes off) and convert PAL
 * primaries (up to 58). Frames in RGB, and those of formats that the browser keeps to itself, come as they are.
 * The caller closes what it gets.
 */
export async function drawable(media: MediaFrame, ledger: Ledger): Promise<MediaFrame> {
  const { frame, timestamp, orientation, shown } = media
  const format = frame.format === null ? null : planeFormat(frame.format)
  if (!format || format.packing === 'rgba' || format.packing === 'bgra') {
    return mediaFrame(frame.clone(), timestamp, orientation, shown, ledger)
  }
  const planes = await readPlanes(frame)
  if (!planes) throw new Error(`planes of ${frame.format} cannot be read`)
  const { width, height, data } = planesToRgba(planes)
  for (let at = 0; at < data.length; at += 4) {
    const white = 255 - (data[at + 3] as number)
    for (let channel = at; channel < at + 4; channel++) data[channel] = (data[channel] as number) + white
  }
  const size = { codedWidth: width, codedHeight: height }
  const converted = new VideoFrame(data, { format: 'RGBX', ...size, timestamp: frame.timestamp, colorSpace: srgb })
  return mediaFrame(converted, timestamp, orientation, shown, ledger)
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
