/** Synthetic frames whose every pixel is known, and the kernels' output for them. */
import type { FrameRoute } from '../../workers/protocol'
import { GpuBuffers } from '../../workers/runtime/buffers'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { type Orientation, type Resize, type Size, turned, upright } from '../../workers/vision/geometry'
import { type MediaFrame, mediaFrame } from '../../workers/vision/media-frame'
import { type PlaneFormat, planeFormat, readPlanes } from '../../workers/vision/planes'
import { GpuPreprocessor } from '../../workers/vision/preprocess'
import { planesToRgba } from '../../workers/vision/reference/planes'
import { type Filter, preprocessReference } from '../../workers/vision/reference/resample'
import { readBuffer } from '../../workers/vision/tower'
import { readPixels } from '../../workers/vision/wasm-encoder'

const encoderSize = 224
const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const
export const squash: Resize = { width: encoderSize, height: encoderSize, left: 0, top: 0, size: encoderSize }

/**
 * A hill of brightness and two slopes of colour over most of the range: saturated, since conversions that agree on pale
 * colours differ there, and smooth, since decoders differ in how they place chroma between pixels.
 */
function wave(x: number, y: number, { width, height }: Size): [luma: number, u: number, v: number] {
  const [across, down] = [(x + 0.5) / width, (y + 0.5) / height]
  return [
    126 + 90 * Math.sin(Math.PI * (1.7 * across + 0.3)) * Math.cos(Math.PI * down * 1.3),
    128 + 200 * (across - 0.5),
    128 + 200 * (down - 0.5),
  ]
}

export type YuvFormat = 'I420' | 'NV12' | 'I420A' | 'I422' | 'I444' | 'I420P10'

/** A YUV frame filled with `wave`; sides may be odd. Alpha rises from left to right where the format has it. */
export function yuvFrame(format: YuvFormat, size: Size, extra: Partial<VideoFrameBufferInit> = {}): VideoFrame {
  const { packing, alpha, bits, shiftX, shiftY } = planeFormat(format) as PlaneFormat
  const { width, height } = size
  const coarse = { width: (width + shiftX) >> shiftX, height: (height + shiftY) >> shiftY }
  const luma = width * height
  const chroma = coarse.width * coarse.height
  const [from, step, apart] = packing === 'nv' ? [luma, 2, 1] : [luma, 1, chroma]
  const samples = luma + 2 * chroma + (alpha ? luma : 0)
  const data = bits > 8 ? new Uint16Array(samples) : new Uint8Array(samples)
  const code = (value: number) => Math.round(value * 2 ** (bits - 8))
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[y * width + x] = code(wave(x, y, size)[0])
      if (alpha) data[luma + 2 * chroma + y * width + x] = code((255 * x) / width)
    }
  }
  for (let y = 0; y < coarse.height; y++) {
    for (let x = 0; x < coarse.width; x++) {
      const [, u, v] = wave(x, y, coarse)
      const at = from + step * (y * coarse.width + x)
      data[at] = code(u)
      data[at + apart] = code(v)
    }
  }
  // The types do not know the formats of more than eight bits.
  const named = format as VideoPixelFormat
  return new VideoFrame(data, { format: named, codedWidth: width, codedHeight: height, timestamp: 0, ...extra })
}

export function rgbaFrame(size: Size, alpha: (x: number, y: number) => number = () => 255): VideoFrame {
  const data = new Uint8Array(4 * size.width * size.height)
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      data.set([...wave(x, y, size).map(Math.round), alpha(x, y)], 4 * (y * size.width + x))
    }
  }
  return new VideoFrame(data, {
    format: 'RGBA',
    codedWidth: size.width,
    codedHeight: size.height,
    timestamp: 0,
    colorSpace: { primaries: 'bt709', transfer: 'iec61966-2-1', matrix: 'rgb', fullRange: true },
  })
}

export type Bench = { readonly gpu: GpuDevice; readonly ledger: Ledger; readonly preprocessor: GpuPreprocessor }

/** @param filter  of the resize */
export async function openBench(filter: Filter = 'bilinear-antialias'): Promise<Bench> {
  const ledger = new Ledger()
  const gpu = await openDevice(ledger)
  if (!gpu) throw new Error('no WebGPU adapter')
  return {
    gpu,
    ledger,
    preprocessor: await GpuPreprocessor.create(gpu.device, ledger, encoderSize, { ...plain, filter }),
  }
}

/** Wraps a frame whose container asks for `orientation`. */
export function asMedia(frame: VideoFrame, ledger: Ledger, orientation: Orientation = upright): MediaFrame {
  const size = { width: frame.displayWidth, height: frame.displayHeight }
  return mediaFrame(frame, 0, orientation, turned(size, orientation), ledger)
}

/** What the kernel writes for the frame, as codes 0 to 255: [3, 224, 224]. */
export async function onGpu(
  { gpu, ledger, preprocessor }: Bench,
  media: MediaFrame,
  resize: Resize,
  route?: FrameRoute,
  slot = 0,
) {
  const buffers = new GpuBuffers(gpu.device, ledger, 'gpu-buffer')
  const bytes = 4 * 3 * encoderSize ** 2
  try {
    const pixels = buffers.storage('pixels', (slot + 1) * bytes)
    const taken = await preprocessor.write(media, resize, pixels, slot, route)
    const all = await readBuffer(gpu.device, ledger, pixels, (slot + 1) * bytes)
    return {
      taken,
      codes: all.subarray((slot * bytes) / 4).map((value) => value * 255),
      before: all.subarray(0, (slot * bytes) / 4),
    }
  } finally {
    buffers.dispose()
    preprocessor.release()
  }
}

/** What the encoder without a GPU makes of the frame over `route`, as codes: [3, 224, 224]. */
export async function onCpu(ledger: Ledger, media: MediaFrame, resize: Resize, route: FrameRoute) {
  const { pixels, orientation } = await readPixels(media, ledger, route)
  const out = new Float32Array(3 * encoderSize ** 2)
  preprocessReference(pixels, orientation, resize, plain, out)
  return out.map((value) => value * 255)
}

/** The same by the TypeScript reference, from the frame's own planes. */
export async function byReference(
  media: MediaFrame,
  resize: Resize,
  filter: Filter = 'bilinear-antialias',
): Promise<Float32Array> {
  const planes = await readPlanes(media.frame)
  if (!planes) throw new Error(`planes of ${media.frame.format}`)
  const out = new Float32Array(3 * encoderSize ** 2)
  preprocessReference(planesToRgba(planes), media.orientation, resize, { ...plain, filter }, out)
  return out.map((value) => value * 255)
}
