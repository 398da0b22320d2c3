/** Still pictures: decoded by the browser, orientation from EXIF applied by it, the first frame of an animation. */
import { type MediaInfo, throwIfAborted, ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { fitWithin, upright } from './geometry'
import { mediaError, type OpenedMedia } from './media'
import { mediaFrame } from './media-frame'
import { withDeadline } from './watchdog'

/** Longest side that every WebGPU device can hold as a texture. */
const maxSide = 8192
const decodeDeadline = 20_000

/**
 * Opens a picture whose first bytes said what it is. It is decoded at once, since only decoding tells whether it can be.
 * Errors: codec-unsupported {codec, container} for kinds this browser does not know, clip-damaged {stage}, aborted.
 */
export async function openImage(
  file: Blob,
  { container, type }: { readonly container: string; readonly type: string },
  ledger: Ledger,
  signal: AbortSignal,
): Promise<OpenedMedia> {
  const bitmap = await decode(file, container, type, signal)
  const uncount = ledger.open('image-bitmap')
  const size = { width: bitmap.width, height: bitmap.height }
  const info: MediaInfo = { kind: 'image', container, codec: type, ...size, rotation: 0, duration: 0 }
  return {
    info,
    start: 0,
    settle: async (timestamps) => timestamps,
    async *frames(_timestamps, signal) {
      throwIfAborted(signal)
      yield mediaFrame(new VideoFrame(bitmap, { timestamp: 0 }), 0, upright, size, ledger)
    },
    dispose: () => {
      bitmap.close()
      uncount()
    },
  }
}

async function decode(file: Blob, container: string, type: string, signal: AbortSignal): Promise<ImageBitmap> {
  let bitmap: ImageBitmap
  try {
    // Chromium refuses blobs whose type is not an image's; the file's own may be missing or wrong.
    const typed = file.type === type ? file : file.slice(0, file.size, type)
    bitmap = await withDeadline(createImageBitmap(typed), decodeDeadline, signal, 'decode')
  } catch (thrown) {
    const error = await mediaError(thrown, file, 'decode')
    if (error.code === 'clip-damaged' && !(await canDecode(type))) {
      throw new ValleyError('codec-unsupported', { codec: container, container }, { cause: thrown })
    }
    throw error
  }
  try {
    return redraw(bitmap)
  } finally {
    bitmap.close()
  }
}

/**
 * The picture with its orientation applied to the pixels and no side above `maxSide`. Chromium turns a bitmap by EXIF only
 * when it is drawn; a VideoFrame made of it directly lies on its side.
 */
function redraw(bitmap: ImageBitmap): ImageBitmap {
  const { width, height } = fitWithin(bitmap, maxSide)
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  if (!context) throw new ValleyError('unsupported-browser', { feature: '2D canvas' })
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, width, height)
  return canvas.transferToImageBitmap()
}

/** Whether this browser knows the image type at all; where nothing tells, the well-known ones count as known. */
async function canDecode(type: string): Promise<boolean> {
  if ('ImageDecoder' in globalThis) return ImageDecoder.isTypeSupported(type)
  return ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/bmp', 'image/avif'].includes(type)
}
