/** Synthetic frames whose every pixel is known, and the kernels' output for them. */
import type { FrameRoute } from '../../workers/protocol'
import { GpuBuffers } from '../../workers/runtime/buffers'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { type Orientation, type Resize, type Size, turned, upright } from '../../workers/vision/geometry'
import { type MediaFrame, mediaFrame } from '../../workers/vision/media-frame'
import { readPlanes } from '../../workers/vision/planes'
import { GpuPreprocessor } from '../../workers/vision/preprocess'
import { planesToRgba } from '../../workers/vision/reference/planes'
import { preprocessReference } from '../../workers/vision/reference/resample'
import { readBuffer } from '../../workers/vision/tower'

export const encoderSize = 224
const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const
export const squash: Resize = { width: encoderSize, height: encoderSize, left: 0, top: 0, size: encoderSize }

/** A hill of brightness and two slopes of colour: smooth, since decoders differ in how they place chroma between pixels. */
function wave(x: number, y: number, { width, height }: Size): [luma: number, u: number, v: number] {
  const [across, down] = [(x + 0.5) / width, (y + 0.5) / height]
  return [
    126 + 90 * Math.sin(Math.PI * (1.7 * across + 0.3)) * Math.cos(Math.PI * down * 1.3),
    128 + 80 * (across - 0.5),
    128 + 80 * (down - 0.5),
  ]
}

/** 4:2:0 in three planes or two, filled with `wave`; sides may be odd. */
export function yuvFrame(format: 'I420' | 'NV12', size: Size, extra: Partial<VideoFrameBufferInit> = {}): VideoFrame {
  const { width, height } = size
  const half = { width: Math.ceil(width / 2), height: Math.ceil(height / 2) }
  const luma = width * height
  const chroma = half.width * half.height
  const data = new Uint8Array(luma + 2 * chroma)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data[y * width + x] = Math.round(wave(x, y, size)[0])
  }
  for (let y = 0; y < half.height; y++) {
    for (let x = 0; x < half.width; x++) {
      const [, u, v] = wave(x, y, half)
      const at = y * half.width + x
      data[format === 'I420' ? luma + at : luma + 2 * at] = Math.round(u)
      data[format === 'I420' ? luma + chroma + at : luma + 2 * at + 1] = Math.round(v)
    }
  }
  return new VideoFrame(data, { format, codedWidth: width, codedHeight: height, timestamp: 0, ...extra })
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

export async function openBench(): Promise<Bench> {
  const ledger = new Ledger()
  const gpu = await openDevice(ledger)
  if (!gpu) throw new Error('no WebGPU adapter')
  return { gpu, ledger, preprocessor: await GpuPreprocessor.create(gpu.device, ledger, encoderSize, plain) }
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
  route: FrameRoute,
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

/** The same by the TypeScript reference, from the frame's own planes. */
export async function byReference(media: MediaFrame, resize: Resize): Promise<Float32Array> {
  const planes = await readPlanes(media.frame)
  if (!planes) throw new Error(`planes of ${media.frame.format}`)
  const out = new Float32Array(3 * encoderSize ** 2)
  preprocessReference(planesToRgba(planes), media.orientation, resize, plain, out)
  return out.map((value) => value * 255)
}

export function largestGap(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  let largest = 0
  // NaN must count as a gap: Math.max would pass it on, a comparison would hide it.
  for (const [at, value] of a.entries()) largest = Math.max(largest, Math.abs(value - (b[at] as number)))
  return largest
}
