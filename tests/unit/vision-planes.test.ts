import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../workers/language/sampling'
import { yuvToRgb } from '../../workers/vision/color'
import { type PlaneFormat, type Planes, planeFormat } from '../../workers/vision/planes'
import { planesToRgba } from '../../workers/vision/reference/planes'
import { areBytes } from '../../workers/vision/reference/planes-of-bytes'

/** Planes of `format`, with alpha where it has that, filled with any samples: colours outside the gamut are among them. */
function planes(format: PlaneFormat, width: number, height: number, space: VideoColorSpaceInit): Planes {
  const random = seededRandom(width * height)
  const [columns, rows] = [(width + format.shiftX) >> format.shiftX, (height + format.shiftY) >> format.shiftY]
  const nv = format.packing === 'nv'
  const sizes = [width * height, ...(nv ? [2 * columns * rows] : [columns * rows, columns * rows]), width * height]
  const strides = [width, ...(nv ? [2 * columns] : [columns, columns]), width]
  const layouts = strides.map((stride, at) => ({
    stride,
    offset: sizes.slice(0, at).reduce((sum, size) => sum + size, 0),
  }))
  const bytes = Uint8Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, () => 256 * random())
  bytes.fill(255, layouts.at(-1)?.offset)
  return { width, height, bytes, layouts, format, toRgb: yuvToRgb(space) }
}

const sizes = [
  [64, 36],
  [33, 19],
  [1, 1],
  [2, 7],
  [9, 2],
] as const
const spaces: readonly VideoColorSpaceInit[] = [
  { matrix: 'smpte170m', fullRange: true },
  { matrix: 'bt709', fullRange: false },
  // The types do not know it.
  { matrix: 'bt2020-ncl' as VideoMatrixCoefficients, fullRange: false },
]

describe.each(['I420', 'NV12', 'I422'])('%s', (name) => {
  const opaque = planeFormat(name) as PlaneFormat
  test.each(spaces)('in whole numbers is what it is in any format: $matrix, full range $fullRange', (space) => {
    let [differing, codes] = [0, 0]
    for (const [width, height] of sizes) {
      const fast = planes(opaque, width, height, space)
      // An alpha of 255 says the same and goes the other way.
      const slow = { ...fast, format: { ...opaque, alpha: true } }
      expect([areBytes(fast), areBytes(slow)]).toEqual([true, false])
      const [ours, theirs] = [planesToRgba(fast), planesToRgba(slow)]
      expect([ours.width, ours.height, ours.data.length]).toEqual([width, height, theirs.data.length])
      const gaps = ours.data.map((code, at) => Math.abs(code - (theirs.data[at] as number)))
      expect(Math.max(...gaps), `${width} x ${height}`).toBeLessThanOrEqual(1)
      differing += gaps.filter((gap) => gap > 0).length
      codes += gaps.length
    }
    expect(differing).toBeLessThanOrEqual(codes / 100)
  })
})

test('other formats are left to the general way', () => {
  for (const name of ['I444', 'I420A', 'I420P10', 'NV12A', 'RGBA', 'BGRX']) {
    const format = planeFormat(name) as PlaneFormat
    expect(areBytes({ format } as Planes), name).toBe(false)
  }
})
