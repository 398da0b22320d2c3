import { describe, expect, test } from 'vitest'
import { dequantise } from '../../workers/packs/gguf'
import { ggufOf, quantiseQ80, readVocabulary } from '../bench/assets/gguf'
import { openAppModel } from '../bench/assets/models'

test('Q8_0: every weight comes back to within half a step of its block', () => {
  const weights = Float32Array.from({ length: 64 }, (_, i) => (i < 32 ? Math.sin(i) * 3 : (i - 48) / 1000))
  const back = new Float32Array(64)
  dequantise('Q8_0', quantiseQ80(weights), 64, back)
  for (const block of [weights.subarray(0, 32), weights.subarray(32)]) {
    const step = Math.max(...block.map(Math.abs)) / 127
    const at = (block.byteOffset - weights.byteOffset) / 4
    // The scale itself is rounded to half precision: a part in 2048 of the largest weight.
    const room = step / 2 + (127 * step) / 2048
    for (const [i, weight] of block.entries()) expect(Math.abs((back[at + i] ?? 0) - weight)).toBeLessThanOrEqual(room)
  }
  expect([...quantiseQ80(new Float32Array(32))]).toEqual(new Array(34).fill(0))
  expect(() => quantiseQ80(new Float32Array(33))).toThrow(RangeError)
})

describe('a GGUF of the base', () => {
  const { base, baseFile } = openAppModel()
  const [tokenizer = '', config = ''] = [base.files.tokenizer, base.files.tokenizerConfig].map((entry) =>
    baseFile(entry).toString('utf8'),
  )
  const vocabulary = readVocabulary(tokenizer, config)
  // Two tensors stand for all 272: one that is quantised anew, one that stays.
  const names = ['blk.0.attn_v.weight', 'output_norm.weight']
  const tensors = base.tensors.filter(({ name }) => names.includes(name))
  const shards = base.files.weights.map(baseFile)
  const read = ({ shard, offset, bytes }: (typeof tensors)[number]) =>
    (shards[shard] ?? Buffer.alloc(0)).subarray(offset, offset + bytes)
  const [matrix, vector] = names.map((name) => tensors.find((tensor) => tensor.name === name))
  if (!matrix || !vector) throw new Error('the base has other tensors')

  test('head, aligned data, bytes as stored or quantised', () => {
    const file = Buffer.concat(ggufOf({ ...base, tensors }, vocabulary, read, 'Q8_0'))
    expect(file.subarray(0, 4).toString()).toBe('GGUF')
    expect([file.readUInt32LE(4), file.readBigUInt64LE(8)]).toEqual([3, 2n])
    const bytes = (matrix.bytes / 20) * 34
    const [start, order] = [file.length - Math.ceil(bytes / 32) * 32 - Math.ceil(vector.bytes / 32) * 32, tensors[0]]
    expect(start % 32).toBe(0)
    expect(order).toBe(matrix)
    const data = file.subarray(start, start + bytes)
    const before = new Float32Array(192 * 576)
    const after = new Float32Array(192 * 576)
    dequantise('Q4_1', read(matrix), before.length, before)
    dequantise('Q8_0', data, after.length, after)
    const peak = before.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
    const gap = before.reduce((most, weight, i) => Math.max(most, Math.abs(weight - (after[i] ?? 0))), 0)
    // Half a step of the coarsest block, and its scale's own rounding.
    expect(gap).toBeLessThanOrEqual((peak / 127) * (0.5 + 127 / 2048))
    expect(file.subarray(start + Math.ceil(bytes / 32) * 32, file.length).subarray(0, vector.bytes)).toEqual(
      read(vector),
    )
  })

  test('as Q4_1 the matrix keeps its bytes', () => {
    const file = Buffer.concat(ggufOf({ ...base, tensors: [matrix] }, vocabulary, read, 'Q4_1'))
    const start = file.length - Math.ceil(matrix.bytes / 32) * 32
    expect(file.subarray(start, start + matrix.bytes).equals(read(matrix))).toBe(true)
  })

  test('the vocabulary is whole, its control tokens marked', () => {
    expect(vocabulary.tokens).toHaveLength(base.architecture.vocabSize)
    expect(vocabulary.tokens.every((token) => typeof token === 'string')).toBe(true)
    expect(vocabulary.tokens[vocabulary.eos]).toBe('<|im_end|>')
    expect(vocabulary.control.has(vocabulary.eos)).toBe(true)
    expect(vocabulary.merges[0]).toBe('Ġ t')
  })
})
