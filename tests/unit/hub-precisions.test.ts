/**
 * The tiny models' other precisions through our own loop on the processor: what `f16` and `q4f16` keep of the past is float16
 * here as it is on a graphics card.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { generate } from '../../workers/language/generate'
import { HubLanguage } from '../../workers/language/hub/model'
import { Ledger } from '../../workers/runtime/ledger'
import { caseOf, type HubCase } from '../fixtures/hub-reference'
import { clipOf, conversationOf, filesOf, floats, modelOf, referenceOf } from './hub-fixtures'
import { nodeOrt } from './node-ort'

const ledger = new Ledger()
const opened: HubLanguage[] = []
afterEach(async () => {
  for (const language of opened.splice(0)) await language.dispose()
  expect(ledger.snapshot()).toEqual({})
})

describe.each(['smolvlm', 'lfm2-vl'])('%s', (family) => {
  const reference = referenceOf(family)
  const model = modelOf(family)

  async function open(decoder: string, embedding: string) {
    const language = await HubLanguage.open(
      await nodeOrt(),
      family,
      model,
      filesOf(family, { decoder, embedding }),
      null,
      ledger,
    )
    opened.push(language)
    return language
  }

  const sequenceOf = async (language: HubLanguage, one: HubCase) =>
    (await language.compose(conversationOf(model, reference, one), language.contextTokens)).sequence

  async function firstGap(language: HubLanguage, one: HubCase): Promise<number> {
    language.context.truncate(0)
    const { logits } = await language.context.prefill(await sequenceOf(language, one))
    return floats(one.firstLogits).reduce(
      (most, value, at) => Math.max(most, Math.abs(value - (logits[at] ?? Number.NaN))),
      0,
    )
  }

  async function greedy(language: HubLanguage, one: HubCase, count: number): Promise<number[]> {
    const said: number[] = []
    await generate(
      language,
      await sequenceOf(language, one),
      {
        sampling: { temperature: 0, topP: 1, repetitionPenalty: 1 },
        search: { beams: 1, lengthPenalty: 1 },
        random: Math.random,
        maxNewTokens: count,
        boundaries: [],
        signal: new AbortController().signal,
      },
      (event) => event.type === 'token' && said.push(event.id),
    )
    return said
  }

  test('f16: float16 caches, PyTorch’s tokens wherever the lead is larger than their rounding', async () => {
    const language = await open('_fp16', '_fp16')
    const past = language.decoder.past.feeds()
    expect(new Set(Object.values(past).map(({ type }) => type))).toEqual(new Set(['float16']))
    for (const one of reference.cases) {
      expect(await firstGap(language, one)).toBeLessThan(0.05)
      if (one.margin >= 0.05) expect([one.name, await greedy(language, one, 10)]).toEqual([one.name, one.tokens])
    }
    expect(reference.cases.filter(({ margin }) => margin >= 0.05).length).toBeGreaterThan(2)
  })

  test('f16: what was said before is reused, and what is kept comes back to the bit', async () => {
    const language = await open('_fp16', '_fp16')
    const named = (name: string) => caseOf(reference, name)
    const [first, again] = [named('clip-mean'), named('clip-mean-again')]
    const cold = await greedy(language, again, 10)
    language.context.truncate(0)
    await greedy(language, first, 10)
    const sequence = await sequenceOf(language, again)
    const { reused } = await language.context.prefill(sequence)
    expect(reused).toBeGreaterThan(clipOf(model, reference, first).tokens)
    expect(await greedy(language, again, 10)).toEqual(cold)

    language.context.truncate(0)
    const { logits } = await language.context.prefill(sequence)
    const { length } = sequence.keys
    const saved = await language.context.save(length)
    expect(saved[0]).toHaveLength(2 * model.text.kvHeads * length * model.text.headDim)
    language.context.truncate(0)
    language.context.restore(sequence.keys, saved)
    expect(await language.context.save(length)).toEqual(saved)
    const [next] = await language.context.extend([0], await language.embedding.rows([0]), [0])
    language.context.truncate(0)
    expect((await language.context.prefill(sequence)).logits).toEqual(logits)
    const [asBefore] = await language.context.extend([0], await language.embedding.rows([0]), [0])
    expect(next).toEqual(asBefore)
  })

  test('q4f16: the tokens of PyTorch with the same codes', async () => {
    const language = await open('_q4f16', '_fp16')
    let same = 0
    for (const one of reference.cases) {
      const expected = reference.fourBits?.[one.name]
      if (!expected) throw new Error('the reference has no 4-bit answers')
      const said = await greedy(language, one, expected.tokens.length)
      if (expected.margin >= 0.05) expect([one.name, said]).toEqual([one.name, expected.tokens])
      same += Number(String(said) === String(expected.tokens))
    }
    expect(same).toBeGreaterThanOrEqual(4)
  })

  test('q8: first logits near those of float32, as activations are rounded by call', async () => {
    const language = await open('_quantized', '_quantized')
    for (const one of reference.cases) expect(await firstGap(language, one)).toBeLessThan(1)
  })
})
