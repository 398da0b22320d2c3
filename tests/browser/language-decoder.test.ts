/** The tiny random decoder in float32 on WASM: numbers equal to PyTorch's, and no dependence on chunks or the cache. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Context, type PrefillOptions } from '../../workers/language/context'
import { forceAnswer, scoreText } from '../../workers/language/force'
import { type GenerateEvent, generate } from '../../workers/language/generate'
import { argmax, logProbability } from '../../workers/language/sampling'
import type { Sequence } from '../../workers/language/splice'
import { floats, type GoldenDecoder, goldenDecoders, goldenSequence, openTiny, type TinyModel } from './language-tiny'
import { largestGap } from './largest-gap'

const search = { beams: 1, lengthPenalty: 1 }
const greedy = { temperature: 0, topP: 1, repetitionPenalty: 1 }
const never = new AbortController().signal

async function answer(model: TinyModel, sequence: Sequence, maxNewTokens = 16, signal = never) {
  const events: GenerateEvent[] = []
  const options = { sampling: greedy, search, random: Math.random, maxNewTokens, boundaries: [], signal }
  await generate(model, sequence, options, (event) => events.push(event))
  const ids = events.flatMap((event) => (event.type === 'token' ? [event.id] : []))
  const end = events.at(-1)
  if (end?.type !== 'end') throw new Error('no end')
  return { ids, stats: end.stats, text: events.map((event) => ('text' in event ? event.text : '')).join('') }
}

const goldens = await goldenDecoders()

describe.each(goldens.map((golden) => [golden.pack, golden] as const))('%s', (name, golden) => {
  let model: TinyModel
  beforeAll(async () => {
    model = await openTiny(name, 'f32')
  })
  afterAll(async () => {
    await model.decoder.dispose()
    expect(model.ledger.snapshot()).toEqual({})
  })

  test('two turns, the second on the KV of the first, say what PyTorch says', async () => {
    for (const [index, turn] of golden.turns.entries()) {
      const sequence = goldenSequence(golden, index, model.embedding)
      expect(sequence.keys).toHaveLength(turn.contextTokens)
      const { ids, stats, text } = await answer(model, sequence)
      expect(ids).toEqual(turn.greedy)
      expect(text).toBe(model.tokenizer.decode(ids))
      // The last token of an answer is said but never run; all else of the first turn is reused.
      if (index > 0) expect(stats.reusedTokens).toBeGreaterThan(golden.turns[0]?.contextTokens ?? 0)
    }
  })

  test.each([0, 1])('turn %i: logits equal PyTorch within 1e-3', async (index) => {
    model.context.truncate(0)
    const { logits } = await model.context.prefill(goldenSequence(golden, index, model.embedding))
    const wanted = floats((golden.turns[index] as GoldenDecoder['turns'][number]).lastLogits)
    expect(largestGap(logits, wanted)).toBeLessThan(1e-3)
  })
})

describe('chunks and reuse', () => {
  const golden = goldens[0] as GoldenDecoder
  let model: TinyModel
  let sequence: Sequence
  beforeAll(async () => {
    model = await openTiny(golden.pack, 'f32')
    sequence = goldenSequence(golden, 1, model.embedding)
  })
  afterAll(() => model.decoder.dispose())

  const prefill = (options: PrefillOptions = {}) => {
    model.context.truncate(0)
    return model.context.prefill(sequence, options)
  }

  test('chunked prefill equals one piece', async () => {
    model.context.truncate(0)
    const [whole] = await model.decoder.run(sequence.embed(0, sequence.keys.length), [sequence.keys.length - 1])
    model.decoder.truncate(0)
    const fives = Array.from({ length: 40 }, (_, i) => 5 * i)
    for (const boundaries of [[], fives]) {
      const { logits } = await prefill({ boundaries })
      expect(largestGap(logits, whole ?? new Float32Array(0))).toBeLessThan(1e-4)
    }
  })

  test('the same tokens from a reused prefix as from a cold start, for every length of prefix', async () => {
    model.context.truncate(0)
    const cold = (await answer(model, sequence)).ids
    for (let kept = 0; kept <= sequence.keys.length; kept += 7) {
      await prefill()
      model.context.truncate(kept)
      const warm = await answer(model, sequence)
      expect(warm.ids).toEqual(cold)
      expect(warm.stats.reusedTokens).toBe(kept < 4 ? 0 : Math.min(kept, sequence.keys.length - 1))
    }
  })

  test('a prompt that is cached whole runs its last position again', async () => {
    const { logits } = await prefill()
    const again = await model.context.prefill(sequence)
    expect(again.reused).toBe(sequence.keys.length - 1)
    expect(largestGap(again.logits, logits)).toBeLessThan(1e-4)
  })

  test('an abort in the middle of a prefill leaves a cache that goes on rightly', async () => {
    const { logits: cold } = await prefill()
    const controller = new AbortController()
    const chunks: number[] = []
    const onProgress = (done: number) => {
      chunks.push(done)
      if (done > 20) controller.abort()
    }
    const boundaries = [10, 20, 30, 40]
    const stopped = prefill({ boundaries, onProgress, signal: controller.signal })
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    // Not one chunk after the stop.
    expect(chunks).toEqual([0, 4, 10, 20, 30])
    const resumed = await model.context.prefill(sequence)
    expect(resumed.reused).toBe(30)
    expect(largestGap(resumed.logits, cold)).toBeLessThan(1e-4)
  })

  test('an abort while decoding ends within one step', async () => {
    model.context.truncate(0)
    const controller = new AbortController()
    const said: number[] = []
    const options = {
      sampling: greedy,
      search,
      random: Math.random,
      maxNewTokens: 16,
      boundaries: [],
      signal: controller.signal,
    }
    const running = generate(model, sequence, options, (event) => {
      if (event.type !== 'token') return
      said.push(event.id)
      if (said.length === 3) controller.abort()
    })
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    expect(said).toEqual(golden.turns[1]?.greedy.slice(0, 3))
    expect((await answer(model, sequence)).ids).toEqual(golden.turns[1]?.greedy)
  })

  test('forced answers and scores are log probabilities, whatever was run before', async () => {
    const texts = [golden.turns[1]?.greedy ?? [], [7, 8, 9], [12]]
    const expected: number[] = []
    for (const ids of texts) {
      const tops: number[] = []
      let sum = 0
      const context = new Context(model.decoder)
      context.truncate(0)
      let { logits } = await context.prefill(sequence)
      for (const id of ids) {
        sum += logProbability(logits, id)
        tops.push(argmax(logits))
        const row = new Float32Array(model.embedding.hiddenSize)
        model.embedding.lookUp(id, row)
        logits = (await context.extend([id], row, [0]))[0] ?? logits
      }
      expected.push(sum / ids.length)
      const forced = await forceAnswer({ ...model, context }, sequence, ids, [], never)
      expect(forced.map(({ top }) => top)).toEqual(tops)
      expect(forced.reduce((total, { logP }) => total + logP, 0)).toBeCloseTo(sum, 4)
      expect(context.keys).toHaveLength(sequence.keys.length)
      // A greedy answer is the likeliest token at every position.
      if (ids === texts[0]) expect(tops).toEqual(ids)
    }
    const context = new Context(model.decoder)
    context.truncate(0)
    for (const [index, ids] of texts.entries()) {
      const score = await scoreText({ ...model, context }, sequence, ids, [], never)
      expect(score).toBeCloseTo(expected[index] ?? Number.NaN, 4)
      expect(context.keys).toHaveLength(sequence.keys.length - 1)
    }
    context.truncate(0)
    model.context.truncate(0)
  })
})
