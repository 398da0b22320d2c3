/** Frames of 8-bit planes, turned, resized and normalised by WebAssembly. */
import { type Orientation, type Resize, type Size, sourcePixel, turned } from '../geometry'
import type { Planes } from '../planes'
import { areBytes } from '../reference/planes-of-bytes'
import { filterTaps, type Normalisation, type Taps } from '../reference/resample'
import { partOf, type SmallPicture } from '../reference/shrink'

/** What pixels.as.ts exports. */
type Kernel = {
  readonly memory: WebAssembly.Memory
  // biome-ignore format: one argument list, as in the kernel
  frame(y: number, yStride: number, u: number, uStride: number, v: number, vStride: number, step: number, shiftY: number, width: number, height: number, factors: number, columns: number, columnWeights: number, rows: number, rowWeights: number, size: number, out: number, smallColumns: number, smallRows: number, smallWidth: number, smallHeight: number, small: number, scratch: number): void
}

export type FrameShape = Normalisation & { readonly inputSize: number }

/** Whether the kernel does it. Filters with negative lobes overshoot and are clamped between the axes, which it does not do. */
export const isFast = (planes: Planes, { filter = 'bilinear-antialias' }: Normalisation): boolean =>
  areBytes(planes) && filter === 'bilinear-antialias'

const pageBytes = 65536

export class FastPixels {
  readonly #kernel: Kernel

  private constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  static async create(module: WebAssembly.Module): Promise<FastPixels> {
    const { exports } = await WebAssembly.instantiate(module, {})
    return new FastPixels(exports as unknown as Kernel)
  }

  /**
   * float32 [3, size, size] as `preprocessReference` makes it, and the frame in `smallSize`, not turned, as `shrunk` makes it. For frames of
   * which `isFast` holds. Errors: RangeError where memory is short
   */
  see(
    planes: Planes,
    orientation: Orientation,
    resize: Resize,
    shape: FrameShape,
    smallSize: Size,
  ): { pixels: Float32Array<ArrayBuffer>; small: SmallPicture } {
    const { width, height, bytes, layouts, format } = planes
    const axes = axesOf(planes, orientation)
    const { columns, rows } = tapsOf(planes, orientation, resize, axes)
    const { size } = resize
    const memory = new Room(this.#kernel.memory)
    const [y, u, third] = layouts as readonly [Layout, Layout, Layout]
    const interleaved = format.packing === 'nv'
    const v = interleaved ? { offset: u.offset + 1, stride: u.stride } : third
    // The kernel reads up to seven samples beyond a row's end.
    const picture = memory.take(bytes, 16)
    const factors = memory.take(factorsOf(planes))
    const across = [memory.take(spans(columns)), memory.take(joined(columns))] as const
    const down = [memory.take(spans(rows)), memory.take(joined(rows))] as const
    const smallColumns = memory.take(parts(smallSize.width, width))
    const smallRows = memory.take(parts(smallSize.height, height))
    const out = memory.leave(16 * size * size)
    const small = memory.leave(16 * smallSize.width * smallSize.height)
    const scratch = memory.leave(64 * (width + 16) + 16 * (size + smallSize.width) + 512)
    memory.write()
    const at = ({ offset, stride }: Layout) => [picture + offset, stride] as const
    const chroma = [...at(u), ...at(v), interleaved ? 2 : 1, format.shiftY] as const
    // biome-ignore format: as in the kernel
    this.#kernel.frame(...at(y), ...chroma, width, height, factors, ...across, ...down, size, out, smallColumns, smallRows, smallSize.width, smallSize.height, small, scratch)
    const { buffer } = this.#kernel.memory
    return {
      pixels: normalised(new Float32Array(buffer, out, 4 * size * size), size, axes, shape),
      small: means(new Float32Array(buffer, small, 4 * smallSize.width * smallSize.height), smallSize, planes),
    }
  }
}

type Layout = Planes['layouts'][number]

/** Lays things into the module's memory one after another; nothing of it outlives a frame. */
class Room {
  readonly #memory: WebAssembly.Memory
  readonly #given: { readonly at: number; readonly values: Uint8Array | Int32Array | Float32Array }[] = []
  // The module's own first page stays as it is.
  #end = pageBytes

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory
  }

  leave(bytes: number): number {
    const at = this.#end
    this.#end += Math.ceil(bytes / 16) * 16
    return at
  }

  take(values: Uint8Array | Int32Array | Float32Array, beyond = 0): number {
    const at = this.leave(values.byteLength + beyond)
    this.#given.push({ at, values })
    return at
  }

  /** To be called once everything has its place. */
  write(): void {
    const missing = this.#end - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / pageBytes))
    const memory = new Uint8Array(this.#memory.buffer)
    for (const { at, values } of this.#given) {
      memory.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at)
    }
  }
}

/** Which axis of the picture as shown runs along the source's columns and rows, and whether backwards. */
type Axes = { readonly isTransposed: boolean; readonly isMirrored: boolean; readonly isUpsideDown: boolean }

function axesOf(source: Size, orientation: Orientation): Axes {
  const [x, y] = sourcePixel(0, 0, source, orientation)
  const [right, rightDown] = sourcePixel(1, 0, source, orientation)
  const [below, belowDown] = sourcePixel(0, 1, source, orientation)
  const isTransposed = right === x
  return {
    isTransposed,
    isMirrored: isTransposed ? below < x : right < x,
    isUpsideDown: isTransposed ? rightDown < y : belowDown < y,
  }
}

/** Filters along the source's own axes, in its order. */
function tapsOf(source: Size, orientation: Orientation, resize: Resize, axes: Axes): { columns: Taps; rows: Taps } {
  const shown = turned(source, orientation)
  const { width, height, left, top, size } = resize
  const across = filterTaps('bilinear-antialias', shown.width, width, left, size)
  const down = filterTaps('bilinear-antialias', shown.height, height, top, size)
  const [columns, rows] = axes.isTransposed ? [down, across] : [across, down]
  return {
    columns: axes.isMirrored ? backwards(columns, source.width) : columns,
    rows: axes.isUpsideDown ? backwards(rows, source.height) : rows,
  }
}

function backwards({ first, weights }: Taps, length: number): Taps {
  const last = first.length - 1
  const each = weights.map((_, at) => [...(weights[last - at] as Float32Array)].reverse())
  return {
    first: first.map((_, at) => length - (first[last - at] as number) - (each[at] as number[]).length),
    weights: each.map((row) => Float32Array.from(row)),
  }
}

const spans = ({ first, weights }: Taps) =>
  Int32Array.from(weights.flatMap((row, at) => [first[at] as number, row.length]))
const joined = ({ weights }: Taps) => Float32Array.from(weights.flatMap((row) => [...row]))
const parts = (count: number, length: number) =>
  Int32Array.from(Array.from({ length: count }, (_, at) => partOf(at, count, length)).flat())

function factorsOf({ toRgb: { matrix, bias } }: Planes): Float32Array {
  return Float32Array.of(matrix[0], matrix[6], matrix[4], matrix[7], matrix[5], ...bias.map((value) => 255 * value))
}

/** Codes [size, size, 4] along the source's axes to (code / 255 - mean) / std, [3, size, size], along those of the picture as shown. */
function normalised(
  codes: Float32Array,
  size: number,
  { isTransposed, isMirrored, isUpsideDown }: Axes,
  { mean, std }: Normalisation,
): Float32Array<ArrayBuffer> {
  const plane = size * size
  const target = new Float32Array(3 * plane)
  const [right, down] = isTransposed ? [size, 1] : [1, size]
  const [stepX, stepY] = [isMirrored ? -right : right, isUpsideDown ? -down : down]
  const start = (isMirrored ? (size - 1) * right : 0) + (isUpsideDown ? (size - 1) * down : 0)
  for (let channel = 0; channel < 3; channel++) {
    const factor = 1 / (255 * (std[channel] as number))
    const shift = (mean[channel] as number) / (std[channel] as number)
    for (let y = 0, from = channel; y < size; y++) {
      let to = channel * plane + start + y * stepY
      for (let x = 0; x < size; x++, from += 4, to += stepX) target[to] = (codes[from] as number) * factor - shift
    }
  }
  return target
}

function means(sums: Float32Array, { width, height }: Size, source: Size): SmallPicture {
  const data = new Uint8ClampedArray(4 * width * height)
  for (let y = 0, at = 0; y < height; y++) {
    const [top, bottom] = partOf(y, height, source.height)
    for (let x = 0; x < width; x++, at += 4) {
      const [left, right] = partOf(x, width, source.width)
      const count = (bottom - top) * (right - left)
      for (let channel = 0; channel < 3; channel++) data[at + channel] = (sums[at + channel] as number) / count
      data[at + 3] = 255
    }
  }
  return { width, height, data }
}
