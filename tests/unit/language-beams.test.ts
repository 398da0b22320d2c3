import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type BeamOptions, BeamSearch, tokensOf } from '../../workers/language/beam-search'
import { treeBias } from '../../workers/language/decoder'
import { Detokeniser } from '../../workers/language/detokenise'
import { moves } from '../../workers/language/kv-cache'
import { likeliest, logProbability, sampleToken, seededRandom } from '../../workers/language/sampling'

/** Logits [vocabulary] after some tokens. */
type NextLogits = (tokens: readonly number[]) => Float32Array

/** A model that depends on the whole text so far: seeded noise, with an end that becomes likelier. */
function noiseModel(seed: number, vocabulary: number, endId: number): NextLogits {
  return (tokens) => {
    const random = seededRandom(tokens.reduce((hash, id) => Math.imul(hash ^ (id + 1), 0x01000193) >>> 0, seed + 1))
    const logits = Float32Array.from({ length: vocabulary }, () => 3 * random())
    logits[endId] = (logits[endId] ?? 0) + 0.4 * tokens.length
    return logits
  }
}

/** Runs a search; the tokens that were agreed after each step come along. */
function run(next: NextLogits, { repetitionPenalty, ...options }: BeamOptions & { repetitionPenalty: number }) {
  const search = new BeamSearch(options)
  const agreed: number[][] = []
  let steps = 0
  while (!search.done) {
    search.step(
      search.live.map((hypothesis) => {
        const tokens = tokensOf(hypothesis)
        return likeliest(next(tokens), tokens, repetitionPenalty, options.beams)
      }),
    )
    agreed.push(search.agreed)
    steps += 1
  }
  const { hypothesis, finished } = search.winner
  return { tokens: tokensOf(hypothesis), finished, agreed, steps }
}

/** The rule of training/generate.py over plain lists, to its very end. */
function byHand(next: NextLogits, { beams, lengthPenalty, endId, limit }: BeamOptions) {
  let live: { ids: number[]; sum: number }[] = [{ ids: [], sum: 0 }]
  const ended: { ids: number[]; score: number }[] = []
  for (let step = 0; step < limit && ended.length < beams; step++) {
    const grown = live.flatMap(({ ids, sum }) => {
      const logits = next(ids)
      return [...logits].map((_, id) => ({ ids: [...ids, id], sum: sum + logProbability(logits, id) }))
    })
    const best = grown.sort((a, b) => b.sum - a.sum).slice(0, beams)
    for (const { ids, sum } of best) {
      if (ids.at(-1) === endId) ended.push({ ids: ids.slice(0, -1), score: sum / ids.length ** lengthPenalty })
    }
    live = best.filter(({ ids }) => ids.at(-1) !== endId)
  }
  if (ended.length === 0) return { tokens: live[0]?.ids, finished: false }
  return { tokens: ended.sort((a, b) => b.score - a.score)[0]?.ids, finished: true }
}

const plain = { lengthPenalty: 1, repetitionPenalty: 1, endId: 2 }
const seeds = Array.from({ length: 40 }, (_, seed) => seed)

describe('beam search', () => {
  test.each([
    [1, 1],
    [2, 1],
    [3, 1],
    [3, 0],
    [3, 2],
    [5, 0.7],
  ])('%i beams, length penalty %f: the winner of the search by hand, whatever is saved', (beams, lengthPenalty) => {
    let finished = 0
    for (const seed of seeds) {
      for (const limit of [1, 4, 12]) {
        const options = { ...plain, beams, lengthPenalty, limit }
        const model = noiseModel(seed, 7, plain.endId)
        const { tokens, finished: ended } = run(model, options)
        expect({ tokens, finished: ended }, `seed ${seed}, limit ${limit}`).toEqual(byHand(model, options))
        finished += Number(ended)
      }
    }
    // Both outcomes occur.
    expect(finished).toBeGreaterThan(0)
    expect(finished).toBeLessThan(seeds.length * 3)
  })

  test('the same answers as training/generate.py, from the vectors that both read', () => {
    const path = resolve(import.meta.dirname, '../fixtures/beam-search.json')
    type Case = Omit<BeamOptions, 'endId'> & {
      repetitionPenalty: number
      logits: number[][]
      first: number
      answer: number[]
    }
    type Vectors = { endId: number; cases: Case[] }
    const { endId, cases } = JSON.parse(readFileSync(path, 'utf8')) as Vectors
    expect(cases.length).toBeGreaterThan(20)
    for (const { logits, first, answer, ...options } of cases) {
      const next: NextLogits = (tokens) => Float32Array.from(logits[tokens.at(-1) ?? first] ?? [])
      expect(run(next, { ...options, endId }).tokens).toEqual(answer)
    }
  })

  test('one beam is greedy decoding, with the repetition penalty too', () => {
    for (const seed of seeds) {
      for (const repetitionPenalty of [1, 1.3]) {
        const model = noiseModel(seed, 9, plain.endId)
        const said: number[] = []
        while (said.length < 8) {
          const id = sampleToken(model(said), said, { temperature: 0, topP: 1, repetitionPenalty }, Math.random)
          if (id === plain.endId) break
          said.push(id)
        }
        expect(run(model, { ...plain, beams: 1, limit: 8, repetitionPenalty }).tokens).toEqual(said)
      }
    }
  })

  test('what was agreed is never taken back, and all of the answer is agreed in the end', () => {
    let early = 0
    for (const seed of seeds) {
      const { tokens, agreed } = run(noiseModel(seed, 7, plain.endId), { ...plain, beams: 3, limit: 12 })
      for (const before of agreed) expect(tokens.slice(0, before.length)).toEqual(before)
      expect(agreed.at(-1)).toEqual(tokens)
      early += Number(agreed.slice(0, -1).some(({ length }) => length > 0))
    }
    // Many answers begin to be known before they end.
    expect(early).toBeGreaterThan(seeds.length / 4)
  })

  test('it ends as soon as nothing live can win: a sure end beats every long continuation', () => {
    const model: NextLogits = (tokens) => Float32Array.from(tokens.length === 0 ? [0, -9, -9] : [0, 0, 6])
    const { tokens, finished, steps } = run(model, { ...plain, beams: 3, limit: 100 })
    expect({ tokens, finished }).toEqual({ tokens: [0], finished: true })
    expect(steps).toBeLessThan(5)
  })
})

test('a branch sees the shared rows, its own ancestors and itself', () => {
  const shown = Array.from(treeBias(5, 2, [[2, 4], [3]]), (value) => (value === 0 ? 1 : 0))
  expect(shown).toEqual([1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1])
})

test('kept rows move in runs, and those in place do not move', () => {
  expect(moves(4, [4, 5, 8, 9, 12])).toEqual([
    { source: 8, target: 6, count: 2 },
    { source: 12, target: 8, count: 1 },
  ])
  expect(moves(4, [4, 5])).toEqual([])
  expect(moves(4, [])).toEqual([])
})

test('a preview shows whole characters only and changes nothing', () => {
  const bytes = [...new TextEncoder().encode('a😀')]
  const detokeniser = new Detokeniser((ids) => new TextDecoder().decode(Uint8Array.from(ids)))
  expect(detokeniser.push(bytes[0] ?? 0)).toBe('a')
  expect(detokeniser.preview(bytes.slice(1))).toBe('😀')
  expect(detokeniser.preview(bytes.slice(1, 3))).toBe('')
  expect(detokeniser.push(bytes[1] ?? 0)).toBe('')
  expect(detokeniser.preview(bytes.slice(2))).toBe('😀')
})
