import { describe, expect, test } from 'vitest'
import { apply, type Matrix3, undoPrimaries, yuvToRgb } from '../../workers/vision/color'
import { planeFormat } from '../../workers/vision/planes'

const convert = (y: number, u: number, v: number, space: VideoColorSpaceInit) => {
  const { matrix, bias } = yuvToRgb(space)
  return apply(matrix, [y / 255, u / 255, v / 255]).map((value, k) => Math.round((value + (bias[k] ?? 0)) * 255))
}

describe('YUV to RGB', () => {
  // Black, white and the primaries at full saturation, by the definitions of ITU-R BT.601 and BT.709.
  test.each([
    ['smpte170m', false, [16, 128, 128], [0, 0, 0]],
    ['smpte170m', false, [235, 128, 128], [255, 255, 255]],
    ['smpte170m', false, [81, 90, 240], [254, 0, 0]],
    ['smpte170m', false, [41, 240, 110], [0, 0, 255]],
    ['smpte170m', true, [76, 85, 255], [254, 0, 0]],
    ['smpte170m', true, [29, 255, 107], [0, 0, 254]],
    ['bt709', false, [63, 102, 240], [255, 1, 0]],
    ['bt709', false, [173, 42, 26], [0, 255, 1]],
    ['bt709', true, [54, 99, 255], [254, 0, 0]],
    [null, false, [63, 102, 240], [255, 1, 0]],
  ] as const)('%s, full range %s: %j', (matrix, fullRange, [y, u, v], expected) => {
    for (const [k, value] of convert(y, u, v, { matrix, fullRange }).entries()) {
      expect(Math.abs(value - (expected[k] ?? Number.NaN))).toBeLessThanOrEqual(1)
    }
  })

  test('10-bit codes mean the same as 8-bit codes', () => {
    const eight = yuvToRgb({ matrix: 'bt709', fullRange: false })
    const ten = yuvToRgb({ matrix: 'bt709', fullRange: false }, 10)
    const low = apply(eight.matrix, [100 / 255, 90 / 255, 200 / 255]).map((value, k) => value + (eight.bias[k] ?? 0))
    const high = apply(ten.matrix, [400 / 1023, 360 / 1023, 800 / 1023]).map((value, k) => value + (ten.bias[k] ?? 0))
    for (const [k, value] of low.entries()) expect(high[k]).toBeCloseTo(value, 6)
  })
})

describe('primaries', () => {
  test('nothing to undo for sRGB primaries, nothing that can be undone for HDR', () => {
    expect(undoPrimaries({ primaries: 'bt709', transfer: 'bt709' })).toBe('none')
    expect(undoPrimaries({})).toBe('none')
    expect(undoPrimaries({ primaries: 'bt2020', transfer: 'pq' } as unknown as VideoColorSpaceInit)).toBe('unknown')
    expect(undoPrimaries({ primaries: 'bt2020', transfer: 'bt709' } as unknown as VideoColorSpaceInit)).toBe('unknown')
  })

  test('white stays white, and the matrix undoes what Chromium was seen to do to SMPTE-C green', () => {
    const undo = undoPrimaries({ primaries: 'smpte170m', transfer: 'smpte170m' }) as Matrix3
    for (const value of apply(undo, [1, 1, 1])) expect(value).toBeCloseTo(1, 5)
    // Measured: code (0, 255, 1) came out of importExternalTexture as (63.3, 251.1, -13.1).
    const linear = (code: number) => {
      const value = Math.abs(code) / 255
      return Math.sign(code) * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    }
    const [red, green, blue] = apply(undo, [linear(63.3), linear(251.1), linear(-13.1)])
    expect(red).toBeCloseTo(0, 2)
    expect(green).toBeCloseTo(1, 2)
    expect(blue).toBeCloseTo(0, 2)
  })
})

test('pixel formats', () => {
  expect(planeFormat('NV12')).toEqual({ packing: 'nv', alpha: false, bits: 8, shiftX: 1, shiftY: 1 })
  expect(planeFormat('I422')).toMatchObject({ packing: 'yuv', shiftX: 1, shiftY: 0 })
  expect(planeFormat('I444AP10')).toMatchObject({ alpha: true, bits: 10, shiftX: 0, shiftY: 0 })
  expect(planeFormat('BGRX')).toMatchObject({ packing: 'bgra', alpha: false })
  expect(planeFormat('something new')).toBeNull()
})
