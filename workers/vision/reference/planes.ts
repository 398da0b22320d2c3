import type { Planes } from '../planes'
import { areBytes, bytesToRgba } from './planes-of-bytes'
import type { Rgba } from './resample'

/**
 * Planes to 8-bit RGBA, alpha premultiplied: what planes.wgsl does. Chroma lies midway between the luma samples it belongs
 * to and is interpolated linearly, as external textures do it.
 */
export function planesToRgba(planes: Planes): Rgba {
  const { width, height, format } = planes
  if (areBytes(planes)) return { width, height, data: bytesToRgba(planes) }
  const data = new Uint8ClampedArray(4 * width * height)
  if (format.packing === 'rgba' || format.packing === 'bgra') fillPacked(planes, data)
  else fillYuv(planes, data)
  return { width, height, data }
}

function fillPacked({ width, height, bytes, layouts, format }: Planes, data: Uint8ClampedArray): void {
  const { offset, stride } = layouts[0] as { offset: number; stride: number }
  const [red, blue] = format.packing === 'rgba' ? [0, 2] : [2, 0]
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = offset + y * stride; x < width; x++, from += 4, to += 4) {
      const alpha = format.alpha ? (bytes[from + 3] as number) : 255
      data[to] = ((bytes[from + red] as number) * alpha) / 255
      data[to + 1] = ((bytes[from + 1] as number) * alpha) / 255
      data[to + 2] = ((bytes[from + blue] as number) * alpha) / 255
      data[to + 3] = alpha
    }
  }
}

/** Where one plane's samples lie: sample (x, y) is values[from + y * stride + step * x], in values and not in bytes. */
type Samples = {
  readonly values: Uint8Array | Uint16Array
  readonly from: number
  readonly stride: number
  readonly step: number
}

/** `step` and `first` pick one of several planes that are interleaved. */
function samplesOf({ bytes, layouts, format }: Planes, plane: number, first = 0, step = 1): Samples {
  const { offset, stride } = layouts[plane] as { offset: number; stride: number }
  if (format.bits === 8) return { values: bytes, from: offset + first, stride, step }
  // WebCodecs stores deeper samples as the platform does; so does the array.
  const values = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1)
  return { values, from: (offset >> 1) + first, stride: stride >> 1, step }
}

// Plain loops over local names, four times as fast as the same in closures.
function fillYuv(planes: Planes, data: Uint8ClampedArray): void {
  const { width, height, format, toRgb } = planes
  const interleaved = format.packing === 'nv'
  const { values, from, stride } = samplesOf(planes, 0)
  const [uSamples, vSamples] = interleaved
    ? [samplesOf(planes, 1, 0, 2), samplesOf(planes, 1, 1, 2)]
    : [samplesOf(planes, 1), samplesOf(planes, 2)]
  const alpha = format.alpha ? samplesOf(planes, interleaved ? 2 : 3) : undefined
  const largest = 2 ** format.bits - 1
  const scale = 255 / largest
  const toCodes = Float64Array.from([...toRgb.matrix, ...toRgb.bias.map((value) => 255 * value), scale])
  const across = interpolation(width, format.shiftX)
  const down = interpolation(height, format.shiftY)
  const u = new Float32Array(width)
  const v = new Float32Array(width)
  const shares = alpha && new Float64Array(width)
  const blended = new Float32Array((across.far[width - 1] as number) + 1)
  for (let y = 0, at = 0; y < height; y++, at += 4 * width) {
    blendRows(uSamples, y, down, scale, blended)
    widen(blended, across, u)
    blendRows(vSamples, y, down, scale, blended)
    widen(blended, across, v)
    if (alpha && shares) {
      const start = alpha.from + y * alpha.stride
      for (let x = 0; x < width; x++) shares[x] = (alpha.values[start + x] as number) / largest
    }
    rgbRow({ values, luma: from + y * stride, u, v, toCodes, alpha: shares, data, at })
  }
}

/** A row of luma and of chroma, to pixels from `at` on. */
type RowToRgb = {
  readonly values: Samples['values']
  readonly luma: number
  readonly u: Float32Array
  readonly v: Float32Array
  /** Matrix, then bias in codes, then the factor of luma. */
  readonly toCodes: Float64Array
  /** Opaque where absent; else 0 to 1. */
  readonly alpha: Float64Array | undefined
  readonly data: Uint8ClampedArray
  readonly at: number
}

/** A function of its own: in the loop over rows the first frames took twice as long, being compiled in the midst of it. */
function rgbRow({ values, luma, u, v, toCodes, alpha, data, at }: RowToRgb): void {
  const m0 = toCodes[0] as number
  const m1 = toCodes[1] as number
  const m2 = toCodes[2] as number
  const m3 = toCodes[3] as number
  const m4 = toCodes[4] as number
  const m5 = toCodes[5] as number
  const m6 = toCodes[6] as number
  const m7 = toCodes[7] as number
  const m8 = toCodes[8] as number
  const red = toCodes[9] as number
  const green = toCodes[10] as number
  const blue = toCodes[11] as number
  const scale = toCodes[12] as number
  for (let x = 0, to = at; x < u.length; x++, to += 4) {
    const light = (values[luma + x] as number) * scale
    const cb = u[x] as number
    const cr = v[x] as number
    const r = m0 * light + m3 * cb + m6 * cr + red
    const g = m1 * light + m4 * cb + m7 * cr + green
    const b = m2 * light + m5 * cb + m8 * cr + blue
    if (alpha) {
      // The array clamps to whole codes of 0 to 255, but alpha must multiply what is already clamped.
      const share = alpha[x] as number
      data[to] = clamp(r) * share
      data[to + 1] = clamp(g) * share
      data[to + 2] = clamp(b) * share
      data[to + 3] = 255 * share
    } else {
      data[to] = r
      data[to + 1] = g
      data[to + 2] = b
      data[to + 3] = 255
    }
  }
}

const clamp = (code: number) => Math.min(255, Math.max(0, code))

/** One row of chroma, between the two that are stored, in codes of 0 to 255. */
function blendRows(
  { values, from, stride, step }: Samples,
  y: number,
  { near, far, part }: Interpolation,
  scale: number,
  blended: Float32Array,
): void {
  let top = from + (near[y] as number) * stride
  let bottom = from + (far[y] as number) * stride
  const below = part[y] as number
  for (let x = 0; x < blended.length; x++, top += step, bottom += step) {
    blended[x] = ((values[top] as number) * (1 - below) + (values[bottom] as number) * below) * scale
  }
}

/** That row at luma's width. */
function widen(blended: Float32Array, { near, far, part }: Interpolation, row: Float32Array): void {
  for (let x = 0; x < row.length; x++) {
    const left = blended[near[x] as number] as number
    row[x] = left + ((blended[far[x] as number] as number) - left) * (part[x] as number)
  }
}

type Interpolation = { readonly near: Int32Array; readonly far: Int32Array; readonly part: Float32Array }

/** For each luma position the two chroma positions around it and the share of the second. */
function interpolation(length: number, shift: 0 | 1): Interpolation {
  const last = ((length + shift) >> shift) - 1
  const near = new Int32Array(length)
  const far = new Int32Array(length)
  const part = new Float32Array(length)
  for (let at = 0; at < length; at++) {
    const position = Math.min(last, Math.max(0, (at + 0.5) / (1 << shift) - 0.5))
    near[at] = Math.floor(position)
    far[at] = Math.min(last, Math.floor(position) + 1)
    part[at] = position - Math.floor(position)
  }
  return { near, far, part }
}
