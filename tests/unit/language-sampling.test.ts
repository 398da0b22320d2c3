import { describe, expect, test } from 'vitest'
import { logProbability, sampleToken, seededRandom } from '../../workers/language/sampling'

const plain = { temperature: 1, topP: 1, repetitionPenalty: 1 }
const logits = (...values: number[]) => Float32Array.from(values)
const never = () => {
  throw new Error('greedy decoding needs no random number')
}

describe('sampling', () => {
  test('temperature 0 takes the largest logit, the first of equals', () => {
    expect(sampleToken(logits(-3, 2, 2, 1), [], { ...plain, temperature: 0 }, never)).toBe(1)
  })

  test('the repetition penalty divides positive and multiplies negative logits, once however often a token was said', () => {
    const values = logits(4, 3.5, -1, -1.5)
    sampleToken(values, [0, 0, 2], { temperature: 0, topP: 1, repetitionPenalty: 2 }, never)
    expect([...values]).toEqual([2, 3.5, -2, -1.5])
    expect(sampleToken(logits(4, 3.5), [0], { temperature: 0, topP: 1, repetitionPenalty: 2 }, never)).toBe(1)
  })

  test('frequencies follow softmax(logits / temperature)', () => {
    const random = seededRandom(7)
    const counts = [0, 0, 0]
    const draws = 20_000
    for (let i = 0; i < draws; i++) {
      const id = sampleToken(logits(0, 1, 2), [], { ...plain, temperature: 2 }, random)
      counts[id] = (counts[id] ?? 0) + 1
    }
    const weights = [0, 1, 2].map((logit) => Math.exp(logit / 2))
    const total = weights.reduce((a, b) => a + b)
    // Three standard deviations of a binomial share at p = 1/2 are 0.011.
    for (const [id, weight] of weights.entries())
      expect(Math.abs((counts[id] ?? 0) / draws - weight / total)).toBeLessThan(0.011)
  })

  test('top-p keeps the smallest set that reaches it', () => {
    const probabilities = [0.05, 0.5, 0.15, 0.3]
    const values = probabilities.map(Math.log)
    const drawn = (topP: number) => {
      const random = seededRandom(3)
      const seen = new Set<number>()
      for (let i = 0; i < 3000; i++) seen.add(sampleToken(logits(...values), [], { ...plain, topP }, random))
      return [...seen].sort()
    }
    expect(drawn(0.4)).toEqual([1])
    expect(drawn(0.7)).toEqual([1, 3])
    expect(drawn(0.9)).toEqual([1, 2, 3])
    expect(drawn(1)).toEqual([0, 1, 2, 3])
  })

  test('the same seed gives the same draws, another seed others', () => {
    const draws = (seed: number) => {
      const random = seededRandom(seed)
      return Array.from({ length: 8 }, () => random())
    }
    expect(draws(1)).toEqual(draws(1))
    expect(draws(1)).not.toEqual(draws(2))
    expect(draws(1).every((x) => x >= 0 && x < 1)).toBe(true)
  })

  test('log probability is log softmax, safe for large logits', () => {
    expect(logProbability(logits(1, 2, 3), 2)).toBeCloseTo(
      Math.log(Math.exp(3) / (Math.E + Math.exp(2) + Math.exp(3))),
      12,
    )
    expect(logProbability(logits(1000, 0), 0)).toBeCloseTo(0, 12)
  })
})
