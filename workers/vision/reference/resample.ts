/**
 * Preprocessing in plain TypeScript: what preprocess.wgsl computes, as the WASM route runs it and as the kernels are
 * tested against. The filters are Pillow's, with antialiasing: their support grows with the reduction.
 */
import { type Orientation, type Resize, type Size, sourcePixel, turned } from '../geometry'

/** 8-bit RGBA, row-major, alpha premultiplied or 255. */
export type Rgba = Size & { readonly data: Uint8Array | Uint8ClampedArray }

/** Pillow's BILINEAR (a triangle), BICUBIC (Catmull-Rom) and LANCZOS. */
export type Filter = 'bilinear-antialias' | 'bicubic-antialias' | 'lanczos-antialias'

export type Normalisation = {
  /** Of the resize; bilinear where absent. */
  readonly filter?: Filter
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

/** Contributions to the output pixels of one axis: output o = sum of weights[o][k] * input[first[o] + k]. */
export type Taps = { readonly first: Int32Array; readonly weights: readonly Float32Array[] }

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

/** Weight at a distance, and the distance from which on it is 0. */
const kernels: Readonly<Record<Filter, { readonly reach: number; readonly weight: (distance: number) => number }>> = {
  'bilinear-antialias': { reach: 1, weight: (d) => Math.max(0, 1 - d) },
  'bicubic-antialias': {
    reach: 2,
    weight: (d) => (d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0),
  },
  'lanczos-antialias': { reach: 3, weight: (d) => (d < 3 ? sinc(d) * sinc(d / 3) : 0) },
}

/** How many pixels of the coarser side a filter reaches. */
export const reachOf = (filter: Filter = 'bilinear-antialias'): number => kernels[filter].reach

/** A filter's taps from `from` input pixels to `to` resized pixels, of which `count` starting at `start` are kept. */
export function filterTaps(filter: Filter, from: number, to: number, start: number, count: number): Taps {
  const { reach, weight } = kernels[filter]
  const scale = from / to
  const spread = Math.max(scale, 1)
  const support = spread * reach
  const first = new Int32Array(count)
  const weights: Float32Array[] = []
  for (let output = 0; output < count; output++) {
    const centre = (output + start + 0.5) * scale
    const begin = Math.max(0, Math.floor(centre - support))
    const end = Math.min(from, Math.ceil(centre + support))
    const row = Float32Array.from({ length: end - begin }, (_, k) =>
      weight(Math.abs(begin + k + 0.5 - centre) / spread),
    )
    const total = row.reduce((a, b) => a + b, 0)
    first[output] = begin
    weights.push(row.map((value) => value / total))
  }
  return { first, weights }
}

/** Whether nothing shines through: alpha is 255 everywhere. */
function isOpaque(data: Rgba['data']): boolean {
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return false
  return true
}

/** The picture as shown: turned, on white where transparent (data is premultiplied); of each pixel's four values the first three count. */
function showOnWhite(source: Rgba, orientation: Orientation): Rgba {
  const { width, height } = turned(source, orientation)
  const opaque = isOpaque(source.data)
  if (opaque && orientation.rotation === 0 && !orientation.flip) return source
  const data = new Uint8Array(4 * width * height)
  // A turn moves every step along a row, or down a column, by the same distance in the source.
  const place = (x: number, y: number) => {
    const [column, row] = sourcePixel(x, y, source, orientation)
    return 4 * (row * source.width + column)
  }
  const [start, right, down] = [place(0, 0), place(1, 0) - place(0, 0), place(0, 1) - place(0, 0)]
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, at = start + y * down; x < width; x++, at += right, to += 4) {
      const white = 255 - (source.data[at + 3] as number)
      for (let channel = 0; channel < 3; channel++) {
        data[to + channel] = Math.min(255, (source.data[at + channel] as number) + white)
      }
    }
  }
  return { width, height, data }
}

/**
 * Turns, resizes, crops and normalises one picture into `target` at element `offset`: float32 [3, size, size], NCHW,
 * (value / 255 - mean) / std.
 */
export function preprocessReference(
  source: Rgba,
  orientation: Orientation,
  resize: Resize,
  { mean, std, filter = 'bilinear-antialias' }: Normalisation,
  target: Float32Array,
  offset = 0,
): void {
  const shown = showOnWhite(source, orientation)
  const { size } = resize
  const across = filteredRows(shown, filterTaps(filter, shown.width, resize.width, resize.left, size))
  const rows = filterTaps(filter, shown.height, resize.height, resize.top, size)
  const sums = new Float64Array(3 * size)
  const plane = size * size
  for (let y = 0; y < size; y++) {
    const weights = rows.weights[y] as Float32Array
    let from = 3 * size * (rows.first[y] as number)
    sums.fill(0)
    for (let k = 0; k < weights.length; k++) {
      const weight = weights[k] as number
      for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + weight * (across[from++] as number)
    }
    for (let x = 0; x < size; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const code = Math.min(255, Math.max(0, sums[3 * x + channel] as number))
        const value = (code / 255 - (mean[channel] as number)) / (std[channel] as number)
        target[offset + channel * plane + y * size + x] = value
      }
    }
  }
}

/** Every row of the picture, filtered to one pixel for each of `columns`: [height, columns, 3]. */
function filteredRows({ width, height, data }: Rgba, columns: Taps): Float32Array {
  const count = columns.first.length
  const across = new Float32Array(3 * height * count)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < count; x++) {
      const weights = columns.weights[x] as Float32Array
      let at = 4 * (y * width + (columns.first[x] as number))
      let red = 0
      let green = 0
      let blue = 0
      for (let k = 0; k < weights.length; k++, at += 4) {
        const weight = weights[k] as number
        red += weight * (data[at] as number)
        green += weight * (data[at + 1] as number)
        blue += weight * (data[at + 2] as number)
      }
      // A filter with negative lobes overshoots; Pillow cuts that off after either direction.
      across[to++] = Math.min(255, Math.max(0, red))
      across[to++] = Math.min(255, Math.max(0, green))
      across[to++] = Math.min(255, Math.max(0, blue))
    }
  }
  return across
}
