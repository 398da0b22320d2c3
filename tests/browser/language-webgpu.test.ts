/** The decoder on WebGPU (forced onto the software adapter where there is no GPU): GPU-resident KV against WASM. */
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { type ChunkRunner, Context } from '../../workers/language/context'
import { LanguageEngine } from '../../workers/language/engine'
import { generate } from '../../workers/language/generate'
import { seededRandom } from '../../workers/language/sampling'
import type { Sequence } from '../../workers/language/splice'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { loadOrt } from '../../workers/runtime/ort'
import {
  extendSequence,
  type GoldenDecoder,
  goldenDecoders,
  goldenSequence,
  openTiny,
  type TinyModel,
  tinyPackUrl,
} from './language-tiny'
import { largestGap } from './largest-gap'

/** Logits of the same 8-bit graph through ORT's CPU kernels; both runtimes accumulate in float32. Spread of logits: ±10. */
const tolerance = 2e-3

let gpu: GpuDevice
let model: TinyModel
let golden: GoldenDecoder
const gpuLedger = new Ledger()

beforeAll(async () => {
  const [first] = await goldenDecoders()
  const device = await openDevice(gpuLedger)
  if (!first || !device) throw new Error('golden decoders or a WebGPU adapter are missing')
  golden = first
  gpu = device
  model = await openTiny(golden.pack, 'q8f32', 'webgpu', gpu)
}, 120_000)
afterAll(async () => {
  await model.decoder.dispose()
  expect(model.ledger.snapshot()).toEqual({})
  gpu.dispose()
  expect(gpuLedger.snapshot()).toEqual({})
})
afterEach(() => vi.restoreAllMocks())

/**
 * The next device that is asked for is the file's own, whose shaders are compiled, which takes longer than all that is
 * done with them; it stays when it is destroyed.
 * @returns the calls that would have destroyed it
 */
function lendDevice() {
  vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockResolvedValueOnce(gpu.device)
  return vi.spyOn(gpu.device, 'destroy').mockReturnValue(undefined)
}

/** The last position's logits of the whole sequence in one run, by the WASM provider of the same build. */
async function logitsOnWasm(sequence: Sequence): Promise<Float32Array> {
  const ort = await loadOrt('webgpu')
  const options = { executionProviders: ['wasm'], externalData: [model.externalData] }
  const session = await ort.InferenceSession.create(model.graph, options)
  const length = sequence.keys.length
  const bias = new Float32Array(length * length)
  for (let row = 0; row < length; row++) bias.fill(-1e9, row * length + row + 1, (row + 1) * length)
  const positions = BigInt64Array.from({ length }, (_, i) => BigInt(i))
  const past = session.inputNames.filter((name) => name.startsWith('past.'))
  const outputs = await session.run({
    inputs_embeds: new ort.Tensor('float32', sequence.embed(0, length), [1, length, 64]),
    position_ids: new ort.Tensor('int64', positions, [1, length]),
    attention_bias: new ort.Tensor('float32', bias, [1, 1, length, length]),
    logits_index: new ort.Tensor('int64', BigInt64Array.from([BigInt(length - 1)]), [1]),
    ...Object.fromEntries(past.map((name) => [name, new ort.Tensor('float32', new Float32Array(0), [1, 0, 32])])),
  })
  const logits = outputs.logits?.data as Float32Array
  await session.release()
  return logits
}

test('an empty past, appended chunks and single steps give the logits of WASM in one piece', async () => {
  const sequence = goldenSequence(golden, 1, model.embedding)
  const wanted = await logitsOnWasm(sequence)
  const { logits } = await model.context.prefill(sequence, { boundaries: [10, 30] })
  expect(largestGap(logits, wanted)).toBeLessThan(tolerance)

  const length = sequence.keys.length
  model.context.truncate(length - 3)
  let last = logits
  for (let at = length - 3; at < length; at++) {
    const [step] = await model.context.extend(sequence.keys.slice(at, at + 1), sequence.embed(at, at + 1), [0])
    last = step ?? last
  }
  expect(largestGap(last, wanted)).toBeLessThan(tolerance)
})

test('truncated rows are overwritten, not mixed in', async () => {
  const first = goldenSequence(golden, 0, model.embedding)
  const second = goldenSequence(golden, 1, model.embedding)
  model.context.truncate(0)
  await model.context.prefill(second)
  const { logits, reused } = await model.context.prefill(first)
  expect(reused).toBe(first.keys.length - 1)
  expect(largestGap(logits, await logitsOnWasm(first))).toBeLessThan(tolerance)
})

test("beams grow beside each other on the GPU, and the winner's rows are moved together", async () => {
  const sequence = goldenSequence(golden, 0, model.embedding)
  const ids: number[] = []
  const options = {
    sampling: { temperature: 0, topP: 1, repetitionPenalty: 1 },
    search: { beams: 3, lengthPenalty: 1 },
    random: Math.random,
    maxNewTokens: 6,
    boundaries: [],
    signal: new AbortController().signal,
  }
  await generate(model, sequence, options, (event) => void (event.type === 'token' && ids.push(event.id)))
  const kept = model.context.keys.slice(sequence.keys.length)
  expect(kept.length).toBeGreaterThanOrEqual(ids.length - 1)
  expect(kept).toEqual(ids.slice(0, kept.length))
  const next = extendSequence(sequence, [...ids, 7, 8], model.embedding)
  const { logits, reused } = await model.context.prefill(next)
  expect(reused).toBe(sequence.keys.length + kept.length)
  expect(largestGap(logits, await logitsOnWasm(next))).toBeLessThan(tolerance)
})

test.each([
  ['the likeliest tokens', { temperature: 0, topP: 1, repetitionPenalty: 1.3 }, 1],
  ['draws', { temperature: 0.9, topP: 0.9, repetitionPenalty: 1.1 }, 1],
  ['beams', { temperature: 0, topP: 1, repetitionPenalty: 1.3 }, 3],
])('%s are chosen as from rows that were read back', async (_, sampling, beams) => {
  const sequence = goldenSequence(golden, 0, model.embedding)
  /** With `choose` the logits stay on the GPU; a context over a decoder without it reads them. */
  const answer = async (context: Context) => {
    const ids: number[] = []
    const options = {
      sampling,
      search: { beams, lengthPenalty: 1 },
      random: seededRandom(11),
      maxNewTokens: 12,
      boundaries: [],
      signal: new AbortController().signal,
    }
    const answering = { ...model, context, tokenizer: { decode: model.tokenizer.decode, endId: -1 } }
    await generate(answering, sequence, options, (event) => void (event.type === 'token' && ids.push(event.id)))
    return ids
  }
  model.context.truncate(0)
  const chosen = await answer(model.context)
  model.context.truncate(0)
  const { decoder } = model
  const reading: ChunkRunner = {
    get length() {
      return decoder.length
    },
    run: (...args) => decoder.run(...args),
    truncate: (length) => decoder.truncate(length),
    keep: (from, rows) => decoder.keep(from, rows),
    save: (length) => decoder.save(length),
    restore: (tensors, length) => decoder.restore(tensors, length),
  }
  expect(chosen).toHaveLength(12)
  expect(chosen).toEqual(await answer(new Context(reading)))
  decoder.truncate(0)
})

test('the engine answers with a KV cache on the GPU, reuses it, and gives everything back', async () => {
  const destroyed = lendDevice()
  const engine = new LanguageEngine()
  const info = await engine.load({ packUrl: tinyPackUrl('tiny-mean'), backend: 'webgpu' }, () => {})
  expect(info).toMatchObject({ backend: 'webgpu', contextTokens: 512 })
  expect(engine.ledger()).toMatchObject({ session: 1, 'kv-cache': 1, 'gpu-buffer': 4, 'gpu-device': 1 })
  const loaded = engine.gpuMemory()
  expect(loaded.bytes).toBeGreaterThan(0)
  const signal = new AbortController().signal
  const request = { clipId: null, turns: [], question: 'What is happening?' }
  const answers: string[] = []
  const reused: number[] = []
  for (let i = 0; i < 2; i++) {
    let text = ''
    for await (const event of engine.ask(request, signal)) {
      if (event.type === 'text') text += event.text
      if (event.type === 'done') reused.push(event.stats.reusedTokens)
    }
    answers.push(text)
  }
  expect(answers[0]).not.toBe('')
  expect(answers[1]).toBe(answers[0])
  expect(reused[1]).toBeGreaterThan(reused[0] ?? 0)
  expect(engine.gpuMemory()).toEqual(loaded)
  expect(destroyed).not.toHaveBeenCalled()
  await engine.dispose()
  expect(destroyed).toHaveBeenCalledOnce()
  expect(engine.ledger()).toEqual({})
  expect(engine.gpuMemory()).toEqual({ bytes: 0, peakBytes: loaded.peakBytes })
}, 120_000)

// The last one: it ends the file's own device.
test('a lost device rejects what runs, and the engine loads anew in the same worker', async () => {
  const requested = vi.spyOn(GPUAdapter.prototype, 'requestDevice').mockResolvedValueOnce(gpu.device)
  const engine = new LanguageEngine()
  const request = { clipId: null, turns: [], question: 'What is happening?' }
  const ask = async () => {
    let text = ''
    for await (const event of engine.ask(request, new AbortController().signal)) {
      if (event.type === 'text') text += event.text
    }
    return text
  }
  const load = () => engine.load({ packUrl: tinyPackUrl('tiny-mean'), backend: 'webgpu' }, () => {})
  try {
    await load()
    const before = await ask()
    const running = ask()
    gpu.device.destroy()
    await expect(running).rejects.toMatchObject({ code: 'device-lost' })
    await expect(ask()).rejects.toMatchObject({ code: 'device-lost' })
    await load()
    expect(requested).toHaveBeenCalledTimes(2)
    expect(await requested.mock.results[1]?.value).not.toBe(gpu.device)
    expect(await ask()).toBe(before)
  } finally {
    await engine.dispose()
  }
  expect(engine.ledger()).toEqual({})
}, 120_000)
