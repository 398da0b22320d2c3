/**
 * Opaque planes of 8 bits with a colour sample for every two columns, as nearly all video has them, to RGBA: whole numbers
 * and one write a pixel, in half of the time that `planesToRgba` takes for any format. Of its codes one in a thousand is
 * rounded the other way.
 */
import type { Planes } from '../planes'

/** Chroma lies a quarter from the nearer luma sample across and down: positions are counted in quarters, colours in 2^-18. */
const unit = 2 ** 18
/** A factor of chroma, which is then summed over 4 x 4 quarters. */
const factor = unit / 16
/** Codes are far within these bounds before they are clamped. */
const room = 1024
/** Code + room, clamped. */
const clamped = Uint8Array.from({ length: 256 + 2 * room }, (_, at) => Math.min(255, Math.max(0, at - room)))

export const areBytes = ({ format }: Planes): boolean =>
  (format.packing === 'yuv' || format.packing === 'nv') && format.bits === 8 && format.shiftX === 1 && !format.alpha

/** RGBA of planes for which `areBytes` holds. */
export function bytesToRgba({ width, height, bytes, layouts, format, toRgb }: Planes): Uint8ClampedArray<ArrayBuffer> {
  const interleaved = format.packing === 'nv'
  const [y, u, third] = layouts as readonly [Layout, Layout, Layout]
  const v = interleaved ? { offset: u.offset + 1, stride: u.stride } : third
  const step = interleaved ? 2 : 1
  const columns = (width + 1) >> 1
  const rows = (height + format.shiftY) >> format.shiftY
  const { matrix, bias } = toRgb
  const lights = Int32Array.from({ length: 256 }, (_, code) => Math.round(matrix[0] * code * unit) + room * unit)
  const factors = Int32Array.from([matrix[6], matrix[4], matrix[7], matrix[5]], (each) => Math.round(each * factor))
  // Half a code is added, since shifting cuts off.
  const offsets = Int32Array.from(bias, (each) => Math.round((each * 255 + 0.5) * (unit / 4)))
  const chroma: ChromaRow = {
    red: new Int32Array(columns),
    green: new Int32Array(columns),
    blue: new Int32Array(columns),
  }
  // Pixels as words: red is the lowest byte wherever WebAssembly runs.
  const pixels = new Uint32Array(width * height)
  for (let row = 0; row < height; row++) {
    const [near, far, share] = format.shiftY === 0 ? [row, row, 0] : rowsAround(row, rows)
    const us = { near: u.offset + near * u.stride, far: u.offset + far * u.stride }
    const vs = { near: v.offset + near * v.stride, far: v.offset + far * v.stride }
    chromaRow(bytes, us, vs, step, share, factors, offsets, chroma)
    pixelRow(bytes, y.offset + row * y.stride, lights, chroma, pixels.subarray(row * width, (row + 1) * width))
  }
  return new Uint8ClampedArray(pixels.buffer)
}

type Layout = Planes['layouts'][number]
type ChromaRow = { readonly red: Int32Array; readonly green: Int32Array; readonly blue: Int32Array }
/** Where the two stored rows of a plane begin that a row lies between. */
type Starts = { readonly near: number; readonly far: number }

/** The stored rows of chroma around a row of luma, and how many quarters the second counts. */
function rowsAround(row: number, rows: number): [near: number, far: number, share: number] {
  const at = row >> 1
  return row % 2 === 0 ? [Math.max(0, at - 1), at, 3] : [at, Math.min(rows - 1, at + 1), 1]
}

/** What a row's chroma adds to each colour, at chroma's own columns. */
function chromaRow(
  bytes: Uint8Array,
  us: Starts,
  vs: Starts,
  step: number,
  share: number,
  factors: Int32Array,
  offsets: Int32Array,
  { red, green, blue }: ChromaRow,
): void {
  const [redOfV, greenOfU, greenOfV, blueOfU] = factors as unknown as [number, number, number, number]
  const [redBias, greenBias, blueBias] = offsets as unknown as [number, number, number]
  const rest = 4 - share
  const { near: uNear, far: uFar } = us
  const { near: vNear, far: vFar } = vs
  for (let column = 0, at = 0; column < red.length; column++, at += step) {
    const u = Math.imul(bytes[uNear + at] as number, rest) + Math.imul(bytes[uFar + at] as number, share)
    const v = Math.imul(bytes[vNear + at] as number, rest) + Math.imul(bytes[vFar + at] as number, share)
    red[column] = Math.imul(redOfV, v) + redBias
    green[column] = Math.imul(greenOfU, u) + Math.imul(greenOfV, v) + greenBias
    blue[column] = Math.imul(blueOfU, u) + blueBias
  }
}

/** A row of pixels: each takes three quarters of the chroma beside it and a quarter of the next one out. */
function pixelRow(
  bytes: Uint8Array,
  from: number,
  lights: Int32Array,
  { red, green, blue }: ChromaRow,
  pixels: Uint32Array,
): void {
  const last = red.length - 1
  let redBefore = red[0] as number
  let greenBefore = green[0] as number
  let blueBefore = blue[0] as number
  for (let column = 0, x = 0; column <= last; column++, x += 2) {
    const r = red[column] as number
    const g = green[column] as number
    const b = blue[column] as number
    const r3 = (3 * r) | 0
    const g3 = (3 * g) | 0
    const b3 = (3 * b) | 0
    const light = lights[bytes[from + x] as number] as number
    pixels[x] = word(light + r3 + redBefore, light + g3 + greenBefore, light + b3 + blueBefore)
    if (x + 1 < pixels.length) {
      const next = column < last ? column + 1 : last
      const lightBeside = lights[bytes[from + x + 1] as number] as number
      pixels[x + 1] = word(
        lightBeside + r3 + (red[next] as number),
        lightBeside + g3 + (green[next] as number),
        lightBeside + b3 + (blue[next] as number),
      )
    }
    redBefore = r
    greenBefore = g
    blueBefore = b
  }
}

const word = (red: number, green: number, blue: number): number =>
  0xff000000 |
  ((clamped[blue >> 18] as number) << 16) |
  ((clamped[green >> 18] as number) << 8) |
  (clamped[red >> 18] as number)
