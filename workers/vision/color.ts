/** Colour conversions as numbers: YUV matrices (ITU-R BT.601, BT.709, BT.2020) and primaries. Column-major 3x3 matrices. */

export type Matrix3 = readonly [number, number, number, number, number, number, number, number, number]

/** rgb = matrix * sample + bias, where samples are codes divided by the largest code. */
export type YuvToRgb = { readonly matrix: Matrix3; readonly bias: readonly [number, number, number] }

/** Kr and Kb of the luma equation. What has no tag is taken as BT.709, as Chromium takes it. */
function lumaWeights(matrix: string | null | undefined): readonly [number, number] {
  if (matrix === 'smpte170m' || matrix === 'bt470bg') return [0.299, 0.114]
  if (matrix === 'bt2020-ncl') return [0.2627, 0.0593]
  return [0.2126, 0.0722]
}

/** Conversion of `bits`-bit samples to R'G'B' in [0, 1] (values outside the gamut leave that range). */
export function yuvToRgb(space: VideoColorSpaceInit, bits = 8): YuvToRgb {
  const [kr, kb] = lumaWeights(space.matrix)
  const kg = 1 - kr - kb
  const largest = 2 ** bits - 1
  const step = 2 ** (bits - 8)
  const lumaScale = space.fullRange ? 1 : largest / (219 * step)
  const lumaZero = space.fullRange ? 0 : (16 * step) / largest
  const chromaScale = space.fullRange ? 1 : largest / (224 * step)
  const chromaZero = (128 * step) / largest
  const red = 2 * (1 - kr) * chromaScale
  const blue = 2 * (1 - kb) * chromaScale
  const greenFromBlue = (-kb / kg) * blue
  const greenFromRed = (-kr / kg) * red
  const shift = -lumaScale * lumaZero
  return {
    matrix: [lumaScale, lumaScale, lumaScale, 0, greenFromBlue, blue, red, greenFromRed, 0],
    bias: [shift - red * chromaZero, shift - (greenFromBlue + greenFromRed) * chromaZero, shift - blue * chromaZero],
  }
}

type Chromaticities = readonly [red: Point, green: Point, blue: Point]
type Point = readonly [x: number, y: number]

const d65: Point = [0.3127, 0.329]
const bt709: Chromaticities = [
  [0.64, 0.33],
  [0.3, 0.6],
  [0.15, 0.06],
]
const older: Readonly<Record<string, Chromaticities>> = {
  smpte170m: [
    [0.63, 0.34],
    [0.31, 0.595],
    [0.155, 0.07],
  ],
  bt470bg: [
    [0.64, 0.33],
    [0.29, 0.6],
    [0.15, 0.06],
  ],
}

const plainTransfers = [null, undefined, 'bt709', 'smpte170m', 'iec61966-2-1']

/**
 * How to undo what importExternalTexture does to primaries. It converts them to sRGB's; canvases, the training's decoders
 * and the other routes do not. 'none': nothing to undo. A matrix: linear sRGB back to the frame's primaries.
 * 'unknown': not invertible (HDR, wide gamut); another route must be taken.
 */
export function undoPrimaries({ primaries, transfer }: VideoColorSpaceInit): 'none' | 'unknown' | Matrix3 {
  if (!plainTransfers.includes(transfer)) return 'unknown'
  if (!primaries || primaries === 'bt709') return 'none'
  const source = older[primaries]
  return source ? multiply(invert(toXyz(source)), toXyz(bt709)) : 'unknown'
}

/** Linear RGB of these primaries with white D65 to XYZ. */
function toXyz(chromaticities: Chromaticities): Matrix3 {
  const columns = chromaticities.flatMap(([x, y]) => [x / y, 1, (1 - x - y) / y]) as unknown as Matrix3
  const white = [d65[0] / d65[1], 1, (1 - d65[0] - d65[1]) / d65[1]] as const
  const gain = apply(invert(columns), white)
  return columns.map((value, at) => value * (gain[Math.floor(at / 3)] as number)) as unknown as Matrix3
}

export function apply(m: Matrix3, [x, y, z]: readonly [number, number, number]): [number, number, number] {
  return [m[0] * x + m[3] * y + m[6] * z, m[1] * x + m[4] * y + m[7] * z, m[2] * x + m[5] * y + m[8] * z]
}

function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  const columns = [0, 3, 6].flatMap((at) => apply(a, b.slice(at, at + 3) as [number, number, number]))
  return columns as unknown as Matrix3
}

function invert(m: Matrix3): Matrix3 {
  const [a, b, c, d, e, f, g, h, i] = m
  const determinant = a * (e * i - f * h) - d * (b * i - c * h) + g * (b * f - c * e)
  const adjugate = [
    e * i - f * h,
    c * h - b * i,
    b * f - c * e,
    f * g - d * i,
    a * i - c * g,
    c * d - a * f,
    d * h - e * g,
    b * g - a * h,
    a * e - b * d,
  ]
  return adjugate.map((value) => value / determinant) as unknown as Matrix3
}
