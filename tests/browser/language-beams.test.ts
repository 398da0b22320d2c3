/** Beam search over the tree in the KV cache, with the tiny float32 decoder: what a search without any cache finds. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GenerateEvent, generate } from '../../workers/language/generate'
import type { PositionKey, Sequence } from '../../workers/language/splice'
import { extendSequence, goldenDecoders, goldenSequence, openTiny, type TinyModel } from './language-tiny'
import { largestGap } from './largest-gap'

const never = new AbortController().signal
const limit = 9

type Search = { beams: number; lengthPenalty: number; repetitionPenalty: number; endId: number }
const plain = { beams: 3, lengthPenalty: 1, repetitionPenalty: 1 }

const [golden] = await goldenDecoders()
if (!golden) throw new Error('no golden decoder')
let model: TinyModel
let sequence: Sequence
beforeAll(async () => {
  model = await openTiny(golden.pack, 'f32')
  sequence = goldenSequence(golden, 0, model.embedding)
})
afterAll(async () => {
  await model.decoder.dispose()
  expect(model.ledger.snapshot()).toEqual({})
})

async function answer(search: Search, signal = never, onEvent: (event: GenerateEvent) => void = () => {}) {
  const events: GenerateEvent[] = []
  const sampling = { temperature: 0, topP: 1, repetitionPenalty: search.repetitionPenalty }
  const options = { sampling, search, random: Math.random, maxNewTokens: limit, boundaries: [], signal }
  const tokenizer = { ...model.tokenizer, endId: search.endId }
  await generate({ ...model, tokenizer }, sequence, options, (event) => {
    events.push(event)
    onEvent(event)
  })
  const ids = events.flatMap((event) => (event.type === 'token' ? [event.id] : []))
  const end = events.at(-1)
  if (end?.type !== 'end') throw new Error('no end')
  const text = events.map((event) => (event.type === 'token' || event.type === 'end' ? event.text : '')).join('')
  return { ids, text, reason: end.reason, stats: end.stats }
}

const extended = (ids: readonly number[]) => extendSequence(sequence, ids, model.embedding)

/** Logits after some tokens of an answer, from an empty cache. */
async function coldLogits(ids: readonly number[]): Promise<Float32Array> {
  model.context.truncate(0)
  return (await model.context.prefill(extended(ids))).logits
}

/** The rule of training/generate.py over plain lists; each step of each beam is run from nothing. */
async function byHand({ beams, lengthPenalty, repetitionPenalty, endId }: Search) {
  let live: { ids: number[]; sum: number }[] = [{ ids: [], sum: 0 }]
  const ended: { ids: number[]; score: number }[] = []
  for (let step = 0; step < limit && ended.length < beams; step++) {
    const grown: typeof live = []
    for (const { ids, sum } of live) {
      const logits = [...(await coldLogits(ids))].map((logit, id) => {
        if (!ids.includes(id)) return logit
        return logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty
      })
      const total = Math.log(logits.reduce((mass, logit) => mass + Math.exp(logit), 0))
      for (const [id, logit] of logits.entries()) grown.push({ ids: [...ids, id], sum: sum + logit - total })
    }
    const best = grown.sort((a, b) => b.sum - a.sum).slice(0, beams)
    for (const { ids, sum } of best) {
      if (ids.at(-1) === endId) ended.push({ ids: ids.slice(0, -1), score: sum / ids.length ** lengthPenalty })
    }
    live = best.filter(({ ids }) => ids.at(-1) !== endId)
  }
  const winner = ended.sort((a, b) => b.score - a.score)[0] ?? live[0]
  return { ids: winner?.ids ?? [], reason: ended.length > 0 ? ('end' as const) : ('length' as const) }
}

/** That the cache holds the prompt and `ids`, or all but the last of them, as a cold run would have left it. */
async function expectCached(ids: readonly number[]) {
  const kept: readonly PositionKey[] = [...model.context.keys]
  expect(extended(ids).keys.slice(0, kept.length)).toEqual(kept)
  expect(kept.length).toBeGreaterThanOrEqual(sequence.keys.length + ids.length - 1)
  expect(model.decoder.length).toBe(kept.length)
  const next = extended([...ids, 7, 8, 9])
  const warm = await model.context.prefill(next)
  expect(warm.reused).toBe(kept.length)
  model.context.truncate(0)
  const cold = await model.context.prefill(next)
  expect(largestGap(warm.logits, cold.logits)).toBeLessThan(1e-4)
}

describe('the answer', () => {
  const cases: (Omit<Search, 'endId'> & { name: string; endAt: number | null })[] = [
    { ...plain, name: 'three beams that never end', endAt: null },
    { ...plain, name: 'two beams that never end', beams: 2, endAt: null },
    { ...plain, name: 'a token of the answer as its end', endAt: 2 },
    { ...plain, name: 'a later one, two beams', beams: 2, endAt: 4 },
    { ...plain, name: 'no length penalty', lengthPenalty: 0, endAt: 5 },
    { ...plain, name: 'a repetition penalty', repetitionPenalty: 1.5, endAt: 3 },
  ]

  test.each(cases)(
    '$name: as a search by hand without a cache, and its rows stay',
    async ({ name, endAt, ...rest }) => {
      const open = { ...rest, endId: model.tokenizer.endId }
      const endId = endAt === null ? open.endId : ((await byHand(open)).ids[endAt] ?? 0)
      const search = { ...rest, endId }
      const expected = await byHand(search)
      if (name === 'a token of the answer as its end') expect(expected.reason).toBe('end')
      model.context.truncate(0)
      const found = await answer(search)
      expect({ ids: found.ids, reason: found.reason }).toEqual(expected)
      expect(found.text).toBe(model.tokenizer.decode(found.ids))
      expect(found.stats.newTokens).toBe(found.ids.length)
      await expectCached(found.ids)
    },
  )

  test('a search of one beam is greedy decoding', async () => {
    model.context.truncate(0)
    const { ids } = await answer({ ...plain, beams: 1, endId: model.tokenizer.endId })
    expect(ids).toEqual(golden.turns[0]?.greedy.slice(0, limit))
  })

  test('a step is one run of the decoder, whatever the number of beams', async () => {
    const runs: number[] = []
    const decoder = model.decoder
    const run = decoder.run.bind(decoder)
    decoder.run = (embeds, wanted, layout) => {
      runs.push(wanted.length)
      return run(embeds, wanted, layout)
    }
    try {
      await coldLogits([])
      runs.length = 0
      await answer({ ...plain, endId: model.tokenizer.endId })
    } finally {
      decoder.run = run
    }
    // The prompt's last position again, then all steps but the first.
    expect(runs).toHaveLength(limit)
    expect(runs.slice(0, 4)).toEqual([1, 3, 3, 3])
    expect(Math.max(...runs)).toBe(3)
  })
})

describe('while it is written', () => {
  test('text that was shown stays; a draft goes on from it', async () => {
    model.context.truncate(0)
    const search = { ...plain, endId: model.tokenizer.endId }
    let shown = ''
    const drafts: string[] = []
    const { text } = await answer(search, never, (event) => {
      if (event.type === 'token') shown += event.text
      if (event.type === 'draft') drafts.push(shown + event.text)
    })
    expect(text.startsWith(shown)).toBe(true)
    expect(drafts).toHaveLength(limit - 1)
    // Random tokens are often parts of characters, of which a draft shows none.
    expect(drafts.some((draft) => draft.length > 0)).toBe(true)
  })

  test('a stop is heard within one step; the best beam stays cached, and the next answer is the usual one', async () => {
    const search = { ...plain, endId: model.tokenizer.endId }
    model.context.truncate(0)
    const usual = await answer(search)
    model.context.truncate(0)
    const controller = new AbortController()
    let steps = 0
    const stopped = answer(search, controller.signal, ({ type }) => {
      if (type !== 'draft') return
      steps += 1
      if (steps === 4) controller.abort()
    })
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    expect(steps).toBe(4)
    const kept = model.context.keys.slice(sequence.keys.length) as number[]
    // Four tokens were drawn, the fourth was not run.
    expect(kept).toHaveLength(3)
    await expectCached(kept)
    model.context.truncate(0)
    expect((await answer(search)).ids).toEqual(usual.ids)
  })
})
