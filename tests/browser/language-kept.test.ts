/** Keys and values of a clip's prefix outlive the worker, give the very tokens of a cold run, and are never trusted blindly. */
import * as Comlink from 'comlink'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gpuKvCache, hostKvCache } from '../../workers/language/kv-cache'
import type { AnswerEvent, GraphFlavour, LanguageApi, TokenMessage } from '../../workers/protocol'
import { openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { loadOrt } from '../../workers/runtime/ort'
import { registerTransferHandlers } from '../../workers/transfer'
import { withThreads } from './app-worker'
import { emptyStorage, filesKept, openToChange, recordsKept } from './kept-storage'
import { seededClip, tinyPackUrl } from './language-tiny'

registerTransferHandlers()
const never = new AbortController().signal
const workers: Worker[] = []
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
})

/** A fresh worker that holds the clip, and what it answers. */
async function open({ pack = 'tiny-retrieval', flavour = 'f32' as GraphFlavour, seed = 1, keepClips = true } = {}) {
  const worker = withThreads(
    new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' }),
  )
  workers.push(worker)
  const api = Comlink.wrap<LanguageApi>(worker)
  const options = { packUrl: tinyPackUrl(pack), backend: 'wasm', flavour, keepClips } as const
  await api.load(
    options,
    Comlink.proxy(() => {}),
  )
  const { port1, port2 } = new MessageChannel()
  await api.connect(Comlink.transfer(port2, [port2]))
  const tokens = seededClip('a', seed, 3, ['A dog runs on the grass.'])
  port1.postMessage({ type: 'tokens', tokens } satisfies TokenMessage)
  const ask = async (question = 'What is happening?', once = false) => {
    const request = { clipId: 'a', turns: [], question, once }
    const events = (await api.ask(request, never)) as unknown as AsyncIterable<AnswerEvent>
    for await (const event of events) if (event.type === 'done') return { ids: event.ids, ...event.stats }
    throw new Error('no done event')
  }
  return { api, ask, end: () => worker.terminate() }
}

const records = () => filesKept('prefixes')

beforeEach(emptyStorage)

describe('a clip known from before', () => {
  test.each(['f32', 'int8'] as const)(
    'is not prefilled again, and answered with the same tokens (%s)',
    async (flavour) => {
      const cold = await open({ flavour, keepClips: false })
      const expected = await cold.ask()
      expect(await records()).toEqual([])
      cold.end()
      const first = await open({ flavour })
      expect(await first.ask()).toMatchObject({ ids: expected.ids, reusedTokens: expected.reusedTokens })
      await recordsKept('prefixes', 1)
      first.end()
      const second = await open({ flavour })
      const warm = await second.ask()
      expect(warm.ids).toEqual(expected.ids)
      expect(warm.ids.length).toBeGreaterThan(3)
      expect(warm.promptTokens).toBe(expected.promptTokens)
      // System prompt and user head (22), eleven visual tokens, and the quote; without it only what the warm-up left.
      expect(warm.reusedTokens).toBeGreaterThan(22 + 11)
      expect(expected.reusedTokens).toBeLessThan(22 + 11)
    },
  )

  test('that is asked about only once is not kept', async () => {
    const first = await open()
    const once = await first.ask('What is happening?', true)
    // What is kept is written behind an answer: by the time that another clip's record is there, this one's would be.
    const other = await open({ seed: 2 })
    await other.ask()
    await recordsKept('prefixes', 1)
    first.end()
    other.end()
    const second = await open()
    const again = await second.ask()
    expect(again.ids).toEqual(once.ids)
    expect(again.reusedTokens).toBeLessThan(22 + 11)
  })

  test('that was only prepared is kept as well', async () => {
    const first = await open()
    await first.api.prepare('a', {}, never)
    await recordsKept('prefixes', 1)
    first.end()
    const second = await open()
    expect((await second.ask()).reusedTokens).toBeGreaterThan(22 + 11)
  })

  test.each<[string, (size: number) => Parameters<FileSystemWritableFileStream['write']>[0]]>([
    ['damaged', (size) => ({ type: 'write', position: size >> 1, data: Uint8Array.of(1, 2, 3, 4, 5) })],
    ['cut short', (size) => ({ type: 'truncate', size: size - 64 })],
  ])('is prefilled again where its record was %s, and kept anew', async (_, spoil) => {
    const first = await open()
    const expected = await first.ask()
    await recordsKept('prefixes', 1)
    first.end()
    const [file] = await records()
    if (!file) throw new Error('nothing is kept')
    const writable = await openToChange(file)
    await writable.write(spoil((await file.getFile()).size))
    await writable.close()
    const second = await open()
    const again = await second.ask()
    expect(again).toMatchObject({ ids: expected.ids, reusedTokens: expected.reusedTokens })
    await recordsKept('prefixes', 1)
    second.end()
    const third = await open()
    expect((await third.ask()).reusedTokens).toBeGreaterThan(22 + 11)
  })

  test('under another pack, another graph or with other tokens is prefilled', async () => {
    const first = await open()
    await first.ask()
    await recordsKept('prefixes', 1)
    first.end()
    let count = 1
    for (const other of [{ pack: 'tiny-mean' }, { flavour: 'int8' as const }, { seed: 2 }]) {
      const worker = await open(other)
      expect((await worker.ask()).reusedTokens, JSON.stringify(other)).toBeLessThan(22 + 11)
      await recordsKept('prefixes', ++count)
      worker.end()
    }
  })
})

describe('rows saved from a cache', () => {
  const shape = { layers: 2, width: 4, capacity: 8 }
  const rows = (count: number) =>
    Array.from({ length: 4 }, (_, tensor) => {
      const values = Float32Array.from({ length: count * 4 }, (_, at) => 100 * tensor + at)
      return new Uint8Array(values.buffer)
    })

  test('are what was put in, on the host and on the GPU, and only what fits is taken', async () => {
    const ort = await loadOrt('webgpu')
    const ledger = new Ledger()
    const gpu = await openDevice(ledger)
    if (!gpu) throw new Error('no WebGPU')
    for (const cache of [hostKvCache(ort, shape, ledger), gpuKvCache(ort, gpu.device, 'float32', shape, ledger)]) {
      cache.restore(rows(5), 5)
      expect(cache.length).toBe(5)
      expect(await cache.save(5)).toEqual(rows(5))
      expect(await cache.save(3)).toEqual(rows(5).map((bytes) => bytes.slice(0, 3 * 16)))
      for (const wrong of [rows(4), rows(5).slice(1)]) {
        expect(() => cache.restore(wrong, 5)).toThrow(RangeError)
      }
      expect(() => cache.restore(rows(9), 9)).toThrow(RangeError)
      expect(cache.length).toBe(5)
      cache.dispose()
    }
    gpu.dispose()
    expect(ledger.snapshot()).toEqual({})
  })
})
