import { expect, test } from 'vitest'
import { batchTokens, cutTokens } from '../../workers/vision/text-tokens'

test('a text that is too long loses words, not the token that closes it', () => {
  expect(cutTokens([2, 10, 11, 12, 13, 3], 4)).toEqual([2, 10, 11, 3])
  expect(cutTokens([2, 10, 3], 4)).toEqual([2, 10, 3])
  expect(cutTokens([2, 10, 11, 3], 4)).toEqual([2, 10, 11, 3])
})

test('batches hold every text once, texts of like length together, padded and masked', () => {
  const texts = [
    [2, 8, 9, 7, 3],
    [2, 3],
    [2, 5, 6, 3],
    [2, 4, 3],
    [2, 3],
  ]
  const batches = batchTokens(texts, 2, 99)
  expect(batches.map(({ members, length }) => ({ members, length }))).toEqual([
    { members: [1, 4], length: 2 },
    { members: [3, 2], length: 4 },
    { members: [0], length: 5 },
  ])
  expect(batches[1]?.ids).toEqual(BigInt64Array.from([2n, 4n, 3n, 99n, 2n, 5n, 6n, 3n]))
  expect(batches[1]?.mask).toEqual(BigInt64Array.from([1n, 1n, 1n, 0n, 1n, 1n, 1n, 1n]))
  expect(batchTokens([], 4, 0)).toEqual([])
})
