/** Pixels by WebAssembly beside the plain reference: the encoder's square and the small picture, however a frame lies. */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../workers/language/sampling'
import { yuvToRgb } from '../../workers/vision/color'
import { type Orientation, planResize, type Rotation, turned, upright } from '../../workers/vision/geometry'
import { type PlaneFormat, type Planes, planeFormat } from '../../workers/vision/planes'
import { planesToRgba } from '../../workers/vision/reference/planes'
import { preprocessReference } from '../../workers/vision/reference/resample'
import { shrunk } from '../../workers/vision/reference/shrink'
import { FastPixels, isFast } from '../../workers/vision/simd/fast-pixels'
import { plain } from '../../workers/vision/simd/pixels.as.ts?asc'

const kernel = await FastPixels.create(await WebAssembly.compile(plain))
const normalisation = { mean: [0.5, 0.45, 0.4], std: [0.5, 0.3, 0.25] } as const

/** Planes that change from pixel to pixel, with rows longer than the picture where `padding` says. */
function planesOf(name: string, width: number, height: number, space: VideoColorSpaceInit, padding = 0): Planes {
  const format = planeFormat(name) as PlaneFormat
  const random = seededRandom(width * height)
  const [columns, rows] = [(width + 1) >> 1, (height + format.shiftY) >> format.shiftY]
  const nv = format.packing === 'nv'
  const strides = [width + padding, ...(nv ? [2 * columns + padding] : [columns + padding, columns + padding])]
  const sizes = strides.map((stride, at) => stride * (at === 0 ? height : rows))
  const layouts = strides.map((stride, at) => ({
    stride,
    offset: sizes.slice(0, at).reduce((sum, size) => sum + size, 0),
  }))
  const bytes = Uint8Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, () => 256 * random())
  return { width, height, bytes, layouts, format, toRgb: yuvToRgb(space) }
}

const small = { width: 7, height: 5 }

/** Largest differences, in codes of 255, of the square and of the small picture. */
function gaps(
  planes: Planes,
  orientation: Orientation,
  inputSize: number,
  crop: boolean,
): [square: number, small: number] {
  const shown = turned(planes, orientation)
  const resize = planResize(shown, { inputSize, resize: crop ? 'center-crop' : 'squash' })
  const shape = { ...normalisation, inputSize }
  expect(isFast(planes, shape)).toBe(true)
  const got = kernel.see(planes, orientation, resize, shape, small)
  const rgba = planesToRgba(planes)
  const expected = new Float32Array(3 * inputSize ** 2)
  preprocessReference(rgba, orientation, resize, shape, expected)
  const channel = (at: number) => normalisation.std[Math.floor(at / inputSize ** 2)] as number
  const square = expected.map((value, at) => 255 * channel(at) * Math.abs(value - (got.pixels[at] as number)))
  const picture = shrunk(rgba, small.width, small.height).map((code, at) =>
    Math.abs(code - (got.small.data[at] as number)),
  )
  return [Math.max(...square), Math.max(...picture)]
}

const rotations: readonly Rotation[] = [0, 90, 180, 270]
const orientations = rotations.flatMap((rotation) => [false, true].map((flip) => ({ rotation, flip })))

describe.each(['I420', 'NV12', 'I422'])('%s', (name) => {
  test.each(orientations)('turned by $rotation, flipped $flip', (orientation) => {
    const planes = planesOf(name, 53, 34, { matrix: 'bt709', fullRange: false }, 3)
    for (const crop of [false, true]) {
      const [square, picture] = gaps(planes, orientation, 16, crop)
      // The reference rounds each pixel to a code first.
      expect(square).toBeLessThan(0.75)
      expect(picture).toBeLessThanOrEqual(1)
    }
  })

  test.each([
    ['enlarged', 9, 6, 24],
    ['of one pixel', 1, 1, 8],
    ['of one column', 1, 30, 8],
    ['as wide as the square', 16, 40, 16],
    ['of odd size', 131, 77, 32],
  ] as const)('a picture %s', (_, width, height, size) => {
    for (const space of [{ matrix: 'smpte170m', fullRange: true }, {}] as const) {
      const [square, picture] = gaps(planesOf(name, width, height, space), upright, size, false)
      expect(square).toBeLessThan(0.75)
      expect(picture).toBeLessThanOrEqual(1)
    }
  })
})

test('a frame does not show in the next, smaller one', () => {
  const large = planesOf('I420', 200, 120, {})
  const little = planesOf('I420', 20, 12, {})
  const before = gaps(little, upright, 16, false)
  gaps(large, upright, 32, false)
  expect(gaps(little, upright, 16, false)).toEqual(before)
})

test('what has alpha, more bits or another filter is left to the reference', () => {
  const bytes = planesOf('I420', 8, 8, {})
  expect(isFast({ ...bytes, format: planeFormat('I420A') as PlaneFormat }, normalisation)).toBe(false)
  expect(isFast({ ...bytes, format: planeFormat('I420P10') as PlaneFormat }, normalisation)).toBe(false)
  expect(isFast(bytes, { ...normalisation, filter: 'bicubic-antialias' })).toBe(false)
})
