import { describe, expect, test } from 'vitest'
import { yuvToRgb } from '../../workers/vision/color'
import { upright } from '../../workers/vision/geometry'
import { planeFormat } from '../../workers/vision/planes'
import { planesToRgba } from '../../workers/vision/reference/planes'
import { filterTaps, preprocessReference } from '../../workers/vision/reference/resample'

const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const

function pattern(width: number, height: number) {
  const data = new Uint8Array(4 * width * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = (x * 37 + y * 59 + x * y * 11) % 256
      data.set([value, value, value, 255], 4 * (y * width + x))
    }
  }
  return { width, height, data }
}

describe('the antialiased triangle filter equals PIL', () => {
  // np.array(Image.fromarray(pattern).resize((W, H), Image.BILINEAR)) of Pillow 11.
  test.each([
    [
      7,
      5,
      [
        [61, 144, 154],
        [157, 134, 133],
        [159, 141, 115],
      ],
    ],
    [
      9,
      1,
      [
        [81, 121],
        [81, 121],
      ],
    ],
    [
      31,
      17,
      [
        [129, 128, 134, 131],
        [134, 122, 124, 121],
        [119, 125, 124, 132],
        [127, 126, 130, 138],
      ],
    ],
  ])('%i x %i', (width, height, expected) => {
    const size = expected.length
    const out = new Float32Array(3 * size * size)
    preprocessReference(
      pattern(width, height),
      upright,
      { width: size, height: size, left: 0, top: 0, size },
      plain,
      out,
    )
    for (const [at, value] of expected.flat().entries()) {
      // PIL rounds to whole codes after each of its two passes.
      expect(Math.abs((out[at] ?? Number.NaN) * 255 - value)).toBeLessThanOrEqual(1)
    }
  })

  // The same with Image.BICUBIC and Image.LANCZOS.
  test.each([
    [
      'bicubic-antialias',
      7,
      5,
      [
        [52, 150, 157],
        [161, 138, 127],
        [164, 135, 116],
      ],
    ],
    [
      'lanczos-antialias',
      7,
      5,
      [
        [46, 153, 161],
        [165, 142, 121],
        [167, 127, 119],
      ],
    ],
    [
      'bicubic-antialias',
      9,
      4,
      [
        [13, 76, 151, 183, 19],
        [57, 145, 190, 98, 134],
        [118, 175, 143, 123, 110],
        [174, 150, 98, 148, 86],
        [208, 115, 141, 63, 201],
      ],
    ],
    [
      'lanczos-antialias',
      9,
      4,
      [
        [13, 73, 153, 188, 11],
        [49, 146, 196, 90, 141],
        [120, 189, 139, 122, 111],
        [181, 145, 90, 153, 81],
        [206, 120, 141, 54, 211],
      ],
    ],
    [
      'bicubic-antialias',
      31,
      17,
      [
        [129, 127, 133, 134],
        [136, 121, 125, 119],
        [119, 126, 123, 132],
        [128, 124, 131, 140],
      ],
    ],
    [
      'lanczos-antialias',
      31,
      17,
      [
        [129, 126, 135, 134],
        [136, 121, 125, 118],
        [119, 125, 123, 132],
        [127, 123, 132, 141],
      ],
    ],
  ] as const)('%s of %i x %i', (filter, width, height, expected) => {
    const size = expected.length
    const out = new Float32Array(3 * size * size)
    const whole = { width: size, height: size, left: 0, top: 0, size }
    preprocessReference(pattern(width, height), upright, whole, { ...plain, filter }, out)
    for (const [at, value] of expected.flat().entries()) {
      expect(Math.abs((out[at] ?? Number.NaN) * 255 - value)).toBeLessThanOrEqual(1)
    }
  })

  test.each(['bilinear-antialias', 'bicubic-antialias', 'lanczos-antialias'] as const)(
    'taps of %s sum to one and never leave the picture',
    (filter) => {
      for (const [from, to] of [
        [1, 224],
        [64, 224],
        [321, 224],
        [3840, 224],
      ] as const) {
        const { first, weights } = filterTaps(filter, from, to, 0, to)
        for (const [output, row] of weights.entries()) {
          expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5)
          expect((first[output] ?? -1) + row.length).toBeLessThanOrEqual(from)
        }
      }
    },
  )

  test('a crop is a window of the whole resize', () => {
    const whole = new Float32Array(3 * 64)
    const part = new Float32Array(3 * 16)
    preprocessReference(pattern(20, 20), upright, { width: 8, height: 8, left: 0, top: 0, size: 8 }, plain, whole)
    preprocessReference(pattern(20, 20), upright, { width: 8, height: 8, left: 2, top: 3, size: 4 }, plain, part)
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 4; x++) expect(part[4 * y + x]).toBeCloseTo(whole[8 * (y + 3) + x + 2] ?? Number.NaN, 6)
    }
  })

  test('transparent pixels lie on white, values are normalised per channel', () => {
    const clear = { width: 1, height: 1, data: new Uint8Array([0, 0, 0, 0]) }
    const out = new Float32Array(3)
    const resize = { width: 1, height: 1, left: 0, top: 0, size: 1 }
    preprocessReference(clear, upright, resize, { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 2] }, out)
    expect([...out]).toEqual([1, 3, 0.5])
  })
})

test('planes of 4:2:0 with odd sides and padded rows', () => {
  const format = planeFormat('I420')
  if (!format) throw new Error('I420 is known')
  const bytes = new Uint8Array(8 * 3 + 4 * 2 * 2).fill(128)
  bytes.fill(235, 0, 24)
  bytes[1 * 8 + 2] = 16
  const layouts = [
    { offset: 0, stride: 8 },
    { offset: 24, stride: 4 },
    { offset: 32, stride: 4 },
  ]
  const toRgb = yuvToRgb({ matrix: 'bt709', fullRange: false })
  const { data } = planesToRgba({ width: 3, height: 3, bytes, layouts, format, toRgb })
  expect([...data.slice(4 * 5, 4 * 6)]).toEqual([0, 0, 0, 255])
  expect(data.filter((value) => value === 255)).toHaveLength(4 * 9 - 3)
})
