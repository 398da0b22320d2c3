/**
 * The tiny random models of tests/fixtures/hub (training/hub_models): prompts, pooling and greedy tokens as PyTorch has them,
 * through the graphs of the repository in float32 and our own loop.
 */
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { inflateSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generate } from '../../workers/language/generate'
import { HubLanguage } from '../../workers/language/hub/model'
import { type HubClip, hubText } from '../../workers/language/hub/prompt'
import { openHubTokenizer } from '../../workers/language/hub/tokenizer'
import { type HubModel, recognise } from '../../workers/packs/hub/config'
import type { HubGraph } from '../../workers/packs/hub/graphs'
import { type HubPooling, visualCost, visualShape } from '../../workers/packs/hub/tokens'
import { Ledger } from '../../workers/runtime/ledger'
import { upright } from '../../workers/vision/geometry'
import { clipRows } from '../../workers/vision/hub/pooling'
import { HubTower } from '../../workers/vision/hub/tower'
import { preprocessReference } from '../../workers/vision/reference/resample'
import { nodeOrt } from './node-ort'

type Packed = { readonly shape: readonly number[]; readonly dtype: string; readonly deflated: string }
type Case = {
  readonly name: string
  readonly frames: readonly number[]
  readonly pooling: 'none' | 'valley-mean'
  readonly messages: readonly {
    readonly role: string
    readonly content: string | readonly { readonly text?: string }[]
  }[]
  readonly prompt: string
  readonly inputIds: readonly number[]
  readonly tokens: readonly number[]
  readonly firstLogits: Packed
}
type Reference = {
  readonly imageTokenId: number
  readonly tokensPerFrame: number
  /** uint8 [frames, size, size, 3]. */
  readonly frames: Packed
  readonly imageFeatures: Packed
  readonly resize: { readonly source: Packed; readonly resized: Packed; readonly pixelValues: Packed }
  readonly cases: readonly Case[]
}

const folder = resolve(import.meta.dirname, '../fixtures/hub')
const families = ['smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'] as const
const bytesOf = (family: string, path: string) => new Uint8Array(readFileSync(resolve(folder, family, path)))
const jsonOf = (family: string, path: string) =>
  JSON.parse(readFileSync(resolve(folder, family, path), 'utf8')) as unknown
const optional = (family: string, path: string) =>
  existsSync(resolve(folder, family, path)) ? bytesOf(family, path) : undefined
const graphOf = (family: string, part: string): HubGraph => ({
  bytes: bytesOf(family, `onnx/${part}.onnx`),
  beside: [],
})

const bytesIn = ({ deflated }: Packed) => new Uint8Array(inflateSync(Buffer.from(deflated, 'base64')))
const floats = (packed: Packed) => new Float32Array(bytesIn(packed).slice().buffer)
const gap = (a: Float32Array, b: Float32Array) =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? Number.NaN))), 0)

/** RGB [height, width, 3] as a picture of ours. */
function picture(rgb: Uint8Array, height: number, width: number) {
  const data = new Uint8Array(4 * height * width).fill(255)
  for (let at = 0; at < height * width; at++) data.set(rgb.subarray(3 * at, 3 * at + 3), 4 * at)
  return { width, height, data }
}

/** Questions and answers of a case's messages. */
const words = ({ messages }: Case) =>
  messages.map(({ content }) => {
    const text = typeof content === 'string' ? content : content.map((part) => part.text ?? '').join('')
    return text.replaceAll('<image>', '')
  })

describe.each(families)('%s', (family) => {
  const reference = jsonOf(family, 'reference.json') as Reference
  const ledger = new Ledger()
  let model: HubModel
  let language: HubLanguage

  beforeAll(async () => {
    model = recognise(family, {
      'config.json': jsonOf(family, 'config.json'),
      'preprocessor_config.json': jsonOf(family, 'preprocessor_config.json'),
      'processor_config.json': jsonOf(family, 'processor_config.json'),
    })
    const files = Object.fromEntries(
      ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json'].map((path) => [
        path,
        optional(family, path),
      ]),
    )
    const parts = {
      decoder: graphOf(family, 'decoder_model_merged'),
      embedding: graphOf(family, 'embed_tokens'),
      tokenizer: files,
    }
    language = await HubLanguage.open(await nodeOrt(), family, model, parts, null, ledger)
  })
  afterAll(async () => {
    await language.dispose()
    expect(ledger.snapshot()).toEqual({})
  })

  function clipOf({ frames, pooling }: Case): HubClip {
    const features = floats(reference.imageFeatures)
    const { tokensPerFrame: tokens } = reference
    const width = model.text.hiddenSize
    const size = tokens * width
    const rows = new Float32Array(frames.length * size)
    for (const [at, frame] of frames.entries()) rows.set(features.subarray(frame * size, (frame + 1) * size), at * size)
    const ours: HubPooling = pooling === 'none' ? 'own' : 'mean'
    const pooled = clipRows({ rows, frames: frames.length, tokens, width }, model.frames, ours)
    // What is said before the question is what it comes to.
    expect(pooled.length / width).toBe(visualCost(visualShape(model, 'f32'), frames.length, ours).tokens)
    // A clip of the references has a frame a second.
    const times = frames.map((_, at) => at)
    return { name: `${frames.join()}-${ours}`, times, pooling: ours, rows: pooled, tokens: pooled.length / width }
  }

  const conversationOf = (one: Case, clip: HubClip) => {
    const said = words(one)
    const turns = said.length > 1 ? [{ question: said[0] ?? '', answer: said[1] ?? '' }] : []
    return { turns, question: said.at(-1) ?? '', clip }
  }
  const composed = (one: Case) => language.compose(conversationOf(one, clipOf(one)), language.contextTokens)

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
      const text = hubText(family, language.tokenizer, conversationOf(one, clipOf(one)))
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
    const first = reference.cases.find(({ name }) => name === 'clip') as Case
    const second = reference.cases.find(({ name }) => name === 'clip-again') as Case
    language.context.truncate(0)
    await language.context.prefill((await composed(first)).sequence)
    const { reused } = await language.context.prefill((await composed(second)).sequence)
    expect(reused).toBeGreaterThan(clipOf(first).tokens)
  })

  test('what does not fit drops the oldest turns, never the clip; a question that never fits is told', async () => {
    const one = reference.cases.find(({ name }) => name === 'clip-mean') as Case
    const clip = clipOf(one)
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
