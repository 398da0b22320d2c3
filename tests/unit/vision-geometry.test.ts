import { describe, expect, test } from 'vitest'
import type { PackManifest } from '../../workers/packs/schema'
import {
  fitWithin,
  type Orientation,
  planResize,
  quarterTurn,
  type Rotation,
  remaining,
  sourcePixel,
  turned,
} from '../../workers/vision/geometry'

const rotations: readonly Rotation[] = [0, 90, 180, 270]
const orientations = rotations.flatMap((rotation) => [false, true].map((flip): Orientation => ({ rotation, flip })))
const source = { width: 3, height: 2 }
// a b c / d e f, turned by hand.
const letters = ['abc', 'def']
const shownBy = (orientation: Orientation) => {
  const { width, height } = turned(source, orientation)
  const rows = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const [column, row] = sourcePixel(x, y, source, orientation)
      return letters[row]?.[column]
    }).join(''),
  )
  return rows.join('/')
}

describe('orientation', () => {
  test.each([
    [0, false, 'abc/def'],
    [90, false, 'da/eb/fc'],
    [180, false, 'fed/cba'],
    [270, false, 'cf/be/ad'],
    [0, true, 'cba/fed'],
    [90, true, 'ad/be/cf'],
    [180, true, 'def/abc'],
    [270, true, 'fc/eb/da'],
  ] as const)('%i degrees clockwise, flipped %s', (rotation, flip, shown) => {
    expect(shownBy({ rotation, flip })).toBe(shown)
  })

  test('applied, then the remaining one, equals the wanted one, for every pair', () => {
    for (const wanted of orientations) {
      for (const applied of orientations) {
        const rest = remaining(wanted, applied)
        const middle = turned(source, applied)
        const { width, height } = turned(middle, rest)
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            const [middleX, middleY] = sourcePixel(x, y, middle, rest)
            expect(sourcePixel(middleX, middleY, source, applied)).toEqual(sourcePixel(x, y, source, wanted))
          }
        }
      }
    }
  })

  test.each([
    [-90, 270],
    [360, 0],
    [89.6, 90],
    [450, 90],
  ])('%f degrees is a quarter turn of %i', (degrees, rotation) => {
    expect(quarterTurn(degrees)).toBe(rotation)
  })
})

describe('resize', () => {
  const tower = { inputSize: 224, resize: 'center-crop', resizeShortSide: 256 } as PackManifest['tower']

  test('squash keeps the whole picture', () => {
    const resize = planResize({ width: 1920, height: 800 }, { ...tower, resize: 'squash' })
    expect(resize).toEqual({ width: 224, height: 224, left: 0, top: 0, size: 224 })
  })

  test('centre crop: short side 256, the middle 224, offsets as torchvision rounds them', () => {
    expect(planResize({ width: 1280, height: 720 }, tower)).toEqual({
      width: 455,
      height: 256,
      left: 116,
      top: 16,
      size: 224,
    })
    expect(planResize({ width: 720, height: 1280 }, tower)).toEqual({
      width: 256,
      height: 455,
      left: 16,
      top: 116,
      size: 224,
    })
    // 225 - 224 leaves half a pixel: 0.5 goes to 0.
    expect(planResize({ width: 225, height: 224 }, { ...tower, resizeShortSide: 224 })).toMatchObject({
      width: 225,
      left: 0,
    })
  })

  test('thumbnails keep the aspect, are never enlarged and never vanish', () => {
    expect(fitWithin({ width: 1920, height: 1080 }, 160)).toEqual({ width: 160, height: 90 })
    expect(fitWithin({ width: 64, height: 36 }, 160)).toEqual({ width: 64, height: 36 })
    expect(fitWithin({ width: 4000, height: 1 }, 160)).toEqual({ width: 160, height: 1 })
  })
})
