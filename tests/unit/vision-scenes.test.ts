/** Where a clip is cut: against every way to cut it, and the cases that training/tests/test_retrieval.py knows as well. */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../workers/language/sampling'
import { cutScenes, type Scene } from '../../workers/vision/scenes'

const unit = (...values: number[]) => {
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}
const pairs = (scenes: readonly Scene[]) => scenes.map(({ start, end }) => [start, end])

describe('a clip is cut where its frames change', () => {
  const [one, other, third] = [unit(1, 0.02, 0), unit(0, 1, 0), unit(0, 0, 1)]
  test.each([
    [
      [one, one, one, other, third, third],
      3,
      [
        [0, 3],
        [3, 4],
        [4, 6],
      ],
    ],
    [
      [one, one, one, one, other],
      2,
      [
        [0, 4],
        [4, 5],
      ],
    ],
    [
      [one, other],
      3,
      [
        [0, 1],
        [1, 2],
      ],
    ],
    [[one], 3, [[0, 1]]],
    [[], 3, []],
    [
      [one, one, one, one, one],
      3,
      [
        [0, 1],
        [1, 2],
        [2, 5],
      ],
    ],
  ])('%#', (frames, most, expected) => {
    expect(pairs(cutScenes(frames, most))).toEqual(expected)
  })

  test('no other way lies nearer', () => {
    const random = seededRandom(5)
    for (const total of [4, 7, 11]) {
      const frames = Array.from({ length: total }, () => unit(...Array.from({ length: 6 }, () => random() - 0.5)))
      const spread = ([start, end]: [number, number]) => {
        const part = frames.slice(start, end)
        const mean = (at: number) => part.reduce((sum, frame) => sum + (frame[at] as number), 0) / part.length
        return part.reduce((sum, frame) => sum + frame.reduce((all, value, at) => all + (value - mean(at)) ** 2, 0), 0)
      }
      let best: { cost: number; way: [number, number][] } = { cost: Number.POSITIVE_INFINITY, way: [] }
      for (let a = 1; a < total - 1; a++) {
        for (let b = a + 1; b < total; b++) {
          const way: [number, number][] = [
            [0, a],
            [a, b],
            [b, total],
          ]
          const cost = way.reduce((sum, part) => sum + spread(part), 0)
          if (cost < best.cost) best = { cost, way }
        }
      }
      expect(pairs(cutScenes(frames, 3))).toEqual(best.way)
    }
  })
})
