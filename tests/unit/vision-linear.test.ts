import { expect, test } from 'vitest'
import { linear } from '../../workers/vision/reference/linear'

const values = (count: number, step: number) =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(step * (at + 1)))

test.each([
  [1, 1, 1],
  [1, 8, 3],
  [2, 3, 5],
  [3, 7, 5],
  [4, 8, 16],
  [5, 14, 2],
])('%i rows of %i by %i columns: every row, step and column counts once', (rows, inner, columns) => {
  const [x, weight, bias] = [values(rows * inner, 0.7), values(inner * columns, 1.3), values(columns, 2.1)]
  const out = linear(x, weight, bias, inner)
  expect(out).toHaveLength(rows * columns)
  for (const [at, value] of out.entries()) {
    const [row, column] = [Math.floor(at / columns), at % columns]
    let sum = bias[column] as number
    for (let k = 0; k < inner; k++) sum += (x[row * inner + k] as number) * (weight[k * columns + column] as number)
    expect(value).toBeCloseTo(sum, 5)
  }
})

test('a row comes out the same to the bit, alone or among others', () => {
  const [inner, columns] = [10, 6]
  const [x, weight, bias] = [values(3 * inner, 0.7), values(inner * columns, 1.3), values(columns, 2.1)]
  const together = linear(x, weight, bias, inner)
  const alone = [0, 1, 2].flatMap((row) => [...linear(x.slice(row * inner, (row + 1) * inner), weight, bias, inner)])
  expect([...together]).toEqual(alone)
})
