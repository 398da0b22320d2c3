import { expect, test } from 'vitest'
import { shrunk } from '../../workers/vision/reference/shrink'

const picture = (width: number, height: number, pixel: (x: number, y: number) => readonly number[]) => ({
  width,
  height,
  data: Uint8Array.from({ length: 4 * width * height }, (_, at) => {
    const place = at >> 2
    return pixel(place % width, Math.floor(place / width))[at % 4] ?? 0
  }),
})

test('each pixel is the mean of those that fall into it; every one counts once', () => {
  const source = picture(5, 4, (x, y) => [10 * x, 20 * y, x === 4 ? 200 : 0, 255])
  // Columns 0-1 and 2-4, rows 0-1 and 2-3.
  expect([...shrunk(source, 2, 2)]).toEqual([5, 10, 0, 255, 30, 10, 67, 255, 5, 50, 0, 255, 30, 50, 67, 255])
})

test('what is transparent is white', () => {
  expect([
    ...shrunk(
      picture(2, 1, (x) => (x === 0 ? [0, 0, 0, 0] : [100, 0, 0, 255])),
      2,
      1,
    ),
  ]).toEqual([255, 255, 255, 255, 100, 0, 0, 255])
  expect([
    ...shrunk(
      picture(2, 1, (x) => (x === 0 ? [0, 0, 0, 0] : [100, 0, 0, 255])),
      1,
      1,
    ),
  ]).toEqual([178, 128, 128, 255])
})

test('a picture that is small already stays, and a side may only be repeated', () => {
  const source = picture(3, 2, (x, y) => [x, y, 7, 255])
  expect([...shrunk(source, 3, 2)]).toEqual([...source.data])
  expect([...shrunk(source, 3, 4)].filter((_, at) => at % 12 === 1)).toEqual([0, 0, 1, 1])
})
