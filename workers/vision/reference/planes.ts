import type { Planes } from '../planes'
import type { Rgba } from './resample'

/**
 * Planes to 8-bit RGBA, alpha premultiplied: what planes.wgsl does. Chroma lies midway between the luma samples it belongs
 * to and is interpolated linearly, as external textures do it.
 */
export function planesToRgba(planes: Planes): Rgba {
  const { width, height, format } = planes
  const data = new Uint8ClampedArray(4 * width * height)
  const fill = format.packing === 'rgba' || format.packing === 'bgra' ? packedRow : yuvRows(planes)
  for (let y = 0; y < height; y++) fill(planes, y, data)
  return { width, height, data }
}

type FillRow = (planes: Planes, y: number, data: Uint8ClampedArray) => void

const packedRow: FillRow = ({ width, bytes, layouts, format }, y, data) => {
  const { offset, stride } = layouts[0] as { offset: number; stride: number }
  const [red, blue] = format.packing === 'rgba' ? [0, 2] : [2, 0]
  for (let x = 0; x < width; x++) {
    const from = offset + y * stride + 4 * x
    const to = 4 * (y * width + x)
    const alpha = format.alpha ? (bytes[from + 3] as number) : 255
    data[to] = ((bytes[from + red] as number) * alpha) / 255
    data[to + 1] = ((bytes[from + 1] as number) * alpha) / 255
    data[to + 2] = ((bytes[from + blue] as number) * alpha) / 255
    data[to + 3] = alpha
  }
}

/** One plane's samples; `step` and `first` pick one of several that are interleaved. */
type Samples = (x: number, y: number) => number

function samplesOf({ bytes, layouts, format }: Planes, plane: number, first = 0, step = 1): Samples {
  const { offset, stride } = layouts[plane] as { offset: number; stride: number }
  if (format.bits === 8) return (x, y) => bytes[offset + y * stride + first + step * x] as number
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return (x, y) => view.getUint16(offset + y * stride + 2 * (first + step * x), true)
}

function yuvRows(planes: Planes): FillRow {
  const { width, height, format, toRgb } = planes
  const interleaved = format.packing === 'nv'
  const luma = samplesOf(planes, 0)
  const chroma = interleaved
    ? [samplesOf(planes, 1, 0, 2), samplesOf(planes, 1, 1, 2)]
    : [samplesOf(planes, 1), samplesOf(planes, 2)]
  const alphaOf = format.alpha ? samplesOf(planes, interleaved ? 2 : 3) : undefined
  const largest = 2 ** format.bits - 1
  const scale = 255 / largest
  const [m0, m1, m2, m3, m4, m5, m6, m7, m8] = toRgb.matrix
  const [red, green, blue] = toRgb.bias.map((value) => 255 * value) as [number, number, number]
  const across = interpolation(width, format.shiftX)
  const down = interpolation(height, format.shiftY)
  const columns = (across.far[width - 1] as number) + 1
  const blended = new Float32Array(columns)
  const u = new Float32Array(width)
  const v = new Float32Array(width)

  return (_planes, y, data) => {
    const [top, bottom, part] = [down.near[y] as number, down.far[y] as number, down.part[y] as number]
    for (const [component, row] of [u, v].entries()) {
      const sample = chroma[component] as Samples
      for (let x = 0; x < columns; x++) blended[x] = (sample(x, top) * (1 - part) + sample(x, bottom) * part) * scale
      for (let x = 0; x < width; x++) {
        const left = blended[across.near[x] as number] as number
        row[x] = left + ((blended[across.far[x] as number] as number) - left) * (across.part[x] as number)
      }
    }
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x)
      const [light, cb, cr] = [luma(x, y) * scale, u[x] as number, v[x] as number]
      const alpha = alphaOf ? alphaOf(x, y) / largest : 1
      // The array clamps to whole codes of 0 to 255, but alpha must multiply what is already clamped.
      data[at] = clamp(m0 * light + m3 * cb + m6 * cr + red) * alpha
      data[at + 1] = clamp(m1 * light + m4 * cb + m7 * cr + green) * alpha
      data[at + 2] = clamp(m2 * light + m5 * cb + m8 * cr + blue) * alpha
      data[at + 3] = 255 * alpha
    }
  }
}

const clamp = (code: number) => Math.min(255, Math.max(0, code))

/** For each luma position the two chroma positions around it and the share of the second. */
function interpolation(length: number, shift: 0 | 1) {
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
