import { expect, test } from 'vitest'
import { findPeaks, smoothPath } from './curve'

const peaks = (values: number[], duration = values.length) =>
  findPeaks(
    values.map((similarity, timestamp) => ({ timestamp, similarity })),
    duration,
  )

test('peaks are the points that stand out, in order of time', () => {
  expect(peaks([0, 5, 1, 1, 4, 0, 0, 3, 0, 0])).toEqual([1, 4, 7])
  expect(peaks([1, 2, 3, 4])).toEqual([3])
  expect(peaks([4, 3, 2, 3])).toEqual([0, 3])
})

test('ripples are no peaks, a plateau is one, a flat curve has its first point', () => {
  expect(peaks([0, 9, 10, 9.5, 9.6, 0, 0, 0])).toEqual([2])
  expect(peaks([0, 5, 5, 5, 0])).toEqual([1])
  expect(peaks([2, 2, 2])).toEqual([0])
  expect(peaks([7])).toEqual([0])
})

test('of two peaks close together the higher stays, and five are enough', () => {
  expect(peaks([0, 8, 0, 9, 0], 50)).toEqual([3])
  expect(peaks([9, 0, 8, 0, 7, 0, 6, 0, 5, 0, 4, 0, 3], 12)).toEqual([0, 2, 4, 6, 8])
})

/** Points of a path of cubic pieces, densely. */
function walk(path: string): { x: number; y: number }[] {
  const [start = '', ...pieces] = path.slice(1).split('C')
  let from = start.split(',').map(Number)
  return pieces.flatMap((piece) => {
    const [ax = 0, ay = 0, bx = 0, by = 0, cx = 0, cy = 0] = piece.split(',').map(Number)
    const [x = 0, y = 0] = from
    from = [cx, cy]
    return Array.from({ length: 21 }, (_, step) => {
      const t = step / 20
      const mix = (a: number, b: number, c: number, d: number) =>
        (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d
      return { x: mix(x, ax, bx, cx), y: mix(y, ay, by, cy) }
    })
  })
}

test('the line goes through every frame and never beyond two neighbours', () => {
  const spots = [0, 10, 9, 2, 2, 7, 0].map((y, index) => ({ x: index * 10 + index ** 2, y }))
  const line = walk(smoothPath(spots))
  spots.slice(1).forEach((to, index) => {
    const from = spots[index] ?? to
    const between = line.filter(({ x }) => x > from.x + 0.01 && x < to.x - 0.01).map(({ y }) => y)
    expect(between.length).toBeGreaterThan(10)
    expect(Math.max(...between)).toBeLessThanOrEqual(Math.max(from.y, to.y) + 0.02)
    expect(Math.min(...between)).toBeGreaterThanOrEqual(Math.min(from.y, to.y) - 0.02)
    expect(line.some(({ x, y }) => Math.abs(x - to.x) < 0.01 && Math.abs(y - to.y) < 0.01)).toBe(true)
  })
  expect(smoothPath([])).toBe('')
})
