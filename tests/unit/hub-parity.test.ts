/**
 * The tiny random models of tests/fixtures/hub (training/hub_models): prompts, pooling and greedy tokens as PyTorch has them,
 * through the graphs of the repository in float32 and our own loop.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { forceAnswer } from '../../workers/language/force'
import { generate } from '../../workers/language/generate'
import { HubLanguage } from '../../workers/language/hub/model'
import { hubText } from '../../workers/language/hub/prompt'
import { openHubTokenizer } from '../../workers/language/hub/tokenizer'
import type { HubModel } from '../../workers/packs/hub/config'
import { Ledger } from '../../workers/runtime/ledger'
import { upright } from '../../workers/vision/geometry'
import { HubTower } from '../../workers/vision/hub/tower'
import { preprocessReference } from '../../workers/vision/reference/resample'
import { caseOf, type HubCase } from '../fixtures/hub-reference'
import {
  bytesIn,
  bytesOf,
  clipOf,
  conversationOf,
  filesOf,
  floats,
  graphOf,
  jsonOf,
  modelOf,
  referenceOf,
} from './hub-fixtures'
import { nodeOrt } from './node-ort'

const families = ['smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'] as const
const gap = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? Number.NaN))), 0)

/** RGB [height, width, 3] as a picture of ours. */
function picture(rgb: Uint8Array, height: number, width: number) {
  const data = new Uint8Array(4 * height * width).fill(255)
  for (let at = 0; at < height * width; at++) data.set(rgb.subarray(3 * at, 3 * at + 3), 4 * at)
  return { width, height, data }
}

describe.each(families)('%s', (family) => {
  const reference = referenceOf(family)
  const ledger = new Ledger()
  let model: HubModel
  let language: HubLanguage

  beforeAll(async () => {
    model = modelOf(family)
    language = await HubLanguage.open(await nodeOrt(), family, model, filesOf(family), null, ledger)
  })
  afterAll(async () => {
    await language.dispose()
    expect(ledger.snapshot()).toEqual({})
  })

  const composed = (one: HubCase) => language.compose(conversationOf(model, reference, one), language.contextTokens)

  test('what is read of the configuration is what the model is', () => {
    expect(model.family).toBe(family)
    expect(model.imageTokenId).toBe(reference.imageTokenId)
    expect(model.frames.featureGrid ** 2).toBe(reference.tokensPerFrame)
  })

  /** Our preprocessing of a picture, squashed to the encoder's square: [3, size, size]. */
  function preprocessed(rgb: Uint8Array, [height = 0, width = 0]: readonly number[]): Float32Array<ArrayBuffer> {
    const { inputSize: size } = model.frames
    const pixels = new Float32Array(3 * size * size)
    const whole = { width: size, height: size, left: 0, top: 0, size }
    preprocessReference(picture(rgb, height, width), upright, whole, model.frames, pixels)
    return pixels
  }

  test('pixels are resampled and normalised as Pillow and the processor do, to the rounding', () => {
    const { source, pixelValues } = reference.resize
    const ours = preprocessed(bytesIn(source), source.shape)
    expect(ours).toHaveLength(floats(pixelValues).length)
    const code = 1 / 255 / Math.min(...model.frames.std)
    // Pillow rounds to whole codes after each of its two passes, and a filter with negative lobes adds such errors up.
    expect(gap(ours, floats(pixelValues))).toBeLessThanOrEqual(1.5 * code)
  })

  test('the encoder gives PyTorch’s features for frames in a batch', async () => {
    const tower = await HubTower.create(await nodeOrt(), ledger, graphOf(family, 'vision_encoder'), model, null)
    try {
      const [count = 0, height = 0, width = 0] = reference.frames.shape
      const rgb = bytesIn(reference.frames)
      const size = 3 * height * width
      const pixels = new Float32Array(count * size)
      for (let at = 0; at < count; at++) {
        pixels.set(preprocessed(rgb.subarray(at * size, (at + 1) * size), [height, width]), at * size)
      }
      const features = await tower.features(count, pixels)
      expect(features).toMatchObject({ frames: count, tokens: reference.tokensPerFrame, width: model.text.hiddenSize })
      expect(gap(features.rows, floats(reference.imageFeatures))).toBeLessThan(1e-3)
    } finally {
      await tower.dispose()
    }
  })

  describe.each(reference.cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    test('the prompt is the processor’s', () => {
      const text = hubText(family, language.tokenizer, conversationOf(model, reference, one))
      expect(text).toBe(one.prompt)
      expect(language.tokenizer.encode(text)).toEqual(one.inputIds)
    })

    test('greedy tokens are PyTorch’s, and so are the first logits', async () => {
      const { sequence } = await composed(one)
      const { logits } = await language.context.prefill(sequence)
      const wanted = floats(one.firstLogits)
      expect(Math.max(...wanted.map((value, at) => Math.abs(value - (logits[at] ?? 0))))).toBeLessThan(1e-3)
      const said: number[] = []
      await generate(
        language,
        sequence,
        {
          sampling: { temperature: 0, topP: 1, repetitionPenalty: 1 },
          search: { beams: 1, lengthPenalty: 1 },
          random: Math.random,
          maxNewTokens: one.tokens.length,
          boundaries: [],
          signal: new AbortController().signal,
        },
        (event) => event.type === 'token' && said.push(event.id),
      )
      expect(said).toEqual(one.tokens)
    })
  })

  test('a second question reuses what the first one left', async () => {
    const first = caseOf(reference, 'clip')
    const second = caseOf(reference, 'clip-again')
    language.context.truncate(0)
    await language.context.prefill((await composed(first)).sequence)
    const { reused } = await language.context.prefill((await composed(second)).sequence)
    expect(reused).toBeGreaterThan(clipOf(model, reference, first).tokens)
  })

  test('an answer is forced as it was given, whatever was asked about before', async () => {
    const signal = new AbortController().signal
    const one = caseOf(reference, 'clip')
    const other = caseOf(reference, 'clip-mean')
    const { clip } = conversationOf(model, reference, other)
    await language.context.prefill(
      (await language.compose({ turns: [], question: 'Why? '.repeat(60), clip }, 1000)).sequence,
    )
    const { sequence } = await composed(one)
    const boundaries = [sequence.keys.findLastIndex((key) => typeof key === 'string') + 1]
    const forced = await forceAnswer(language, sequence, one.tokens, boundaries, signal)
    expect(forced.map(({ top }) => top)).toEqual(one.tokens)
  })

  test('what does not fit drops the oldest turns, never the clip; a question that never fits is told', async () => {
    const one = caseOf(reference, 'clip-mean')
    const clip = clipOf(model, reference, one)
    const question = 'What colour is the ball?'
    const long = { question: `Is it ${'very '.repeat(40)}red?`, answer: 'No.' }
    const alone = (await language.compose({ turns: [], question, clip }, 1000)).sequence.keys.length
    const { sequence, droppedTurns } = await language.compose({ turns: [long, long], question, clip }, alone + 10)
    expect(droppedTurns).toBe(2)
    expect(sequence.keys.filter((key) => typeof key === 'string')).toHaveLength(clip.tokens)
    await expect(language.compose({ turns: [], question, clip }, alone - 1)).rejects.toMatchObject({
      code: 'context-full',
      data: { tokens: alone, limit: alone - 1 },
    })
  })

  test('the end token is found in either way of writing it', async () => {
    const config = jsonOf(family, 'tokenizer_config.json') as { eos_token: string }
    const written = { ...config, eos_token: { __type: 'AddedToken', content: config.eos_token } }
    const files = {
      'tokenizer.json': bytesOf(family, 'tokenizer.json'),
      'tokenizer_config.json': new TextEncoder().encode(JSON.stringify(written)),
      'chat_template.jinja': new TextEncoder().encode('x'),
    }
    const { endId } = await openHubTokenizer(family, files, model.imageTokenId)
    expect(endId).toBe(language.tokenizer.endId)
  })

  test('a person’s words cannot stand for a picture', async () => {
    const question = `What is ${language.tokenizer.imageToken} here?`
    const { sequence } = await language.compose({ turns: [], question, clip: null }, 1000)
    expect(sequence.keys).not.toContain(model.imageTokenId)
  })
})
