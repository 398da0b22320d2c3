/**
 * Preprocessing in plain TypeScript: what preprocess.wgsl computes, as the WASM route runs it and as the kernels are
 * tested against. The filter is PIL's BILINEAR with antialiasing: a triangle whose support grows with the reduction.
 */
import { type Orientation, type Resize, type Size, sourcePixel, turned } from '../geometry'

/** 8-bit RGBA, row-major, alpha premultiplied or 255. */
export type Rgba = Size & { readonly data: Uint8Array | Uint8ClampedArray }

export type Normalisation = {
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

/** Contributions to the output pixels of one axis: output o = sum of weights[o][k] * input[first[o] + k]. */
export type Taps = { readonly first: Int32Array; readonly weights: readonly Float32Array[] }

/** Triangle-filter taps from `from` input pixels to `to` resized pixels, of which `count` starting at `start` are kept. */
export function triangleTaps(from: number, to: number, start: number, count: number): Taps {
  const scale = from / to
  const support = Math.max(scale, 1)
  const first = new Int32Array(count)
  const weights: Float32Array[] = []
  for (let output = 0; output < count; output++) {
    const centre = (output + start + 0.5) * scale
    const begin = Math.max(0, Math.floor(centre - support))
    const end = Math.min(from, Math.ceil(centre + support))
    const row = Float32Array.from({ length: end - begin }, (_, k) =>
      Math.max(0, 1 - Math.abs(begin + k + 0.5 - centre) / support),
    )
    const total = row.reduce((a, b) => a + b, 0)
    first[output] = begin
    weights.push(row.map((weight) => weight / total))
  }
  return { first, weights }
}

/** The picture as shown: turned, on white where transparent (data is premultiplied), three channels. */
function showOnWhite(source: Rgba, orientation: Orientation): Size & { readonly rgb: Uint8Array } {
  const { width, height } = turned(source, orientation)
  const rgb = new Uint8Array(width * height * 3)
  let out = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = sourcePixel(x, y, source, orientation)
      const at = 4 * (row * source.width + column)
      const white = 255 - (source.data[at + 3] ?? 255)
      for (let channel = 0; channel < 3; channel++) {
        rgb[out++] = Math.min(255, (source.data[at + channel] ?? 0) + white)
      }
    }
  }
  return { width, height, rgb }
}

/**
 * Turns, resizes, crops and normalises one picture into `target` at element `offset`: float32 [3, size, size], NCHW,
 * (value / 255 - mean) / std.
 */
export function preprocessReference(
  source: Rgba,
  orientation: Orientation,
  resize: Resize,
  { mean, std }: Normalisation,
  target: Float32Array,
  offset = 0,
): void {
  const shown = showOnWhite(source, orientation)
  const { size } = resize
  const columns = triangleTaps(shown.width, resize.width, resize.left, size)
  const rows = triangleTaps(shown.height, resize.height, resize.top, size)
  const across = new Float32Array(shown.height * size * 3)
  for (let y = 0; y < shown.height; y++) {
    for (let x = 0; x < size; x++) {
      const weights = columns.weights[x] as Float32Array
      let at = 3 * (y * shown.width + (columns.first[x] as number))
      let [red, green, blue] = [0, 0, 0]
      for (const weight of weights) {
        red += weight * (shown.rgb[at++] as number)
        green += weight * (shown.rgb[at++] as number)
        blue += weight * (shown.rgb[at++] as number)
      }
      across.set([red, green, blue], 3 * (y * size + x))
    }
  }
  const plane = size * size
  for (let y = 0; y < size; y++) {
    const weights = rows.weights[y] as Float32Array
    const top = rows.first[y] as number
    for (let x = 0; x < size; x++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0
        for (let k = 0; k < weights.length; k++) {
          sum += (weights[k] as number) * (across[3 * ((top + k) * size + x) + channel] as number)
        }
        const value = (sum / 255 - (mean[channel] as number)) / (std[channel] as number)
        target[offset + channel * plane + y * size + x] = value
      }
    }
  }
}
