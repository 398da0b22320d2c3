import { describe, expect, test } from 'vitest'
import { ClipStore } from '../../workers/language/clips'
import { chunkTokens, planChunks, reusablePrefix } from '../../workers/language/context'
import { causalBias } from '../../workers/language/decoder'
import { Detokeniser } from '../../workers/language/detokenise'
import { JobQueue } from '../../workers/language/job-queue'
import { ValleyError, type VisualTokens } from '../../workers/protocol'
import { chooseDecoder } from '../../workers/runtime/backend'
import { EventStream } from '../../workers/runtime/event-stream'
import { Ledger } from '../../workers/runtime/ledger'

describe('prefill chunks', () => {
  test('the first four positions form a chunk of their own, the rest at most chunkTokens', () => {
    expect(planChunks(0, 3)).toEqual([[0, 3]])
    expect(planChunks(0, 4)).toEqual([[0, 4]])
    const [first, ...rest] = planChunks(0, 200)
    expect(first).toEqual([0, 4])
    expect(rest.every(([from, to]) => to - from <= chunkTokens)).toBe(true)
    expect(rest.map(([from]) => from)).toEqual([4, 68, 132, 196])
    expect(rest.at(-1)).toEqual([196, 200])
  })

  test('boundaries cut where they stand, also after a reused prefix', () => {
    expect(planChunks(0, 50, [22, 43])).toEqual([
      [0, 4],
      [4, 22],
      [22, 43],
      [43, 50],
    ])
    expect(planChunks(22, 50, [43, 22])).toEqual([
      [22, 43],
      [43, 50],
    ])
    expect(planChunks(9, 9)).toEqual([])
  })
})

describe('prefix reuse', () => {
  test.each<[string, (number | string)[], (number | string)[], number]>([
    ['nothing cached', [], [1, 2, 3, 4, 5], 0],
    ['a longer conversation', [1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6], 5],
    ['another question after the same clip', [1, 2, 3, 4, 'a#0', 7], [1, 2, 3, 4, 'a#0', 8], 5],
    ['another clip', [1, 2, 3, 4, 'a#0'], [1, 2, 3, 4, 'b#0'], 4],
    ['a part of the sink chunk', [1, 2, 3, 9], [1, 2, 3, 4, 5], 0],
    ['a prompt shorter than the sink chunk', [1, 2, 3, 4], [1, 2], 2],
  ])('%s', (_, cached, wanted, length) => {
    expect(reusablePrefix(cached, wanted)).toBe(length)
  })
})

test('the mask shows the past and, within the chunk, nothing later', () => {
  const shown = Array.from(causalBias(2, 3), (value) => (value === 0 ? 1 : 0))
  expect(shown).toEqual([1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1])
})

describe('detokeniser', () => {
  test('a character spread over tokens is shown when it is complete', () => {
    const bytes = new TextEncoder().encode('a😀é')
    const decode = (ids: readonly number[]) => new TextDecoder().decode(Uint8Array.from(ids))
    const detokeniser = new Detokeniser(decode)
    expect([...bytes].map((byte) => detokeniser.push(byte))).toEqual(['a', '', '', '', '😀', '', 'é'])
    expect(detokeniser.flush()).toBe('')
  })

  test('an answer cut within a character shows what there is', () => {
    const detokeniser = new Detokeniser((ids) => new TextDecoder().decode(Uint8Array.from(ids)))
    expect(detokeniser.push(0xf0)).toBe('')
    expect(detokeniser.flush()).toBe('\u{fffd}')
  })
})

describe('clip store', () => {
  const tokens = (clipId: string): VisualTokens => {
    const rows = (count: number) => new Float32Array(count * 2)
    const parts = { patchTokens: rows(1), frameTokens: rows(1), markers: rows(4) }
    return { clipId, kind: 'video', ...parts, hiddenSize: 2, quotes: ['A dog.'] }
  }
  const signal = () => new AbortController().signal

  test('a question waits for tokens that come later', async () => {
    const clips = new ClipStore(new Ledger())
    const waiting = clips.get('a', signal())
    clips.add(tokens('a'))
    expect(await waiting).toMatchObject({ span: { length: 6 }, quotes: ['A dog.'] })
  })

  test('a clip encoded anew has other keys', async () => {
    const clips = new ClipStore(new Ledger())
    clips.add(tokens('a'))
    const { span: first } = await clips.get('a', signal())
    clips.add(tokens('a'))
    expect((await clips.get('a', signal())).span.name).not.toBe(first.name)
  })

  test('forgetting rejects who waits and who comes later, and frees the tokens', async () => {
    const ledger = new Ledger()
    const clips = new ClipStore(ledger)
    const waiting = clips.get('a', signal())
    clips.add(tokens('b'))
    clips.forget('a')
    clips.forget('b')
    await expect(waiting).rejects.toMatchObject({ code: 'clip-unknown', data: { clipId: 'a' } })
    await expect(clips.get('b', signal())).rejects.toMatchObject({ code: 'clip-unknown' })
    expect(ledger.snapshot()).toEqual({})
  })

  test('waiting can be aborted', async () => {
    const controller = new AbortController()
    const waiting = new ClipStore(new Ledger()).get('a', controller.signal)
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('job queue', () => {
  test('jobs run one at a time, in order, and a failure does not stop the next', async () => {
    const queue = new JobQueue()
    const log: string[] = []
    const job = (name: string) => async () => {
      log.push(`${name} starts`)
      await new Promise((resolve) => setTimeout(resolve, 5))
      log.push(`${name} ends`)
      if (name === 'a') throw new ValleyError('internal')
      return name
    }
    const results = await Promise.allSettled([queue.run(job('a')), queue.run(job('b'))])
    expect(log).toEqual(['a starts', 'a ends', 'b starts', 'b ends'])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  })

  test.each(['before it comes', 'while it waits'])('aborted %s: it rejects at once, and never starts', async (when) => {
    const queue = new JobQueue()
    let release = () => {}
    const first = queue.run(
      () =>
        new Promise<void>((resolve) => {
          release = resolve
        }),
    )
    const controller = new AbortController()
    if (when === 'before it comes') controller.abort()
    let started = false
    const second = queue.run(async () => {
      started = true
    }, controller.signal)
    await Promise.resolve()
    controller.abort()
    await expect(second).rejects.toMatchObject({ code: 'aborted' })
    release()
    await first
    await queue.run(async () => {})
    expect(started).toBe(false)
  })
})

describe('event stream', () => {
  test('events come in order, then the error', async () => {
    const stream = new EventStream<number>(() => {})
    stream.push(1)
    stream.push(2)
    stream.fail(new ValleyError('aborted'))
    const seen: number[] = []
    const reading = (async () => {
      for await (const value of stream) seen.push(value)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'aborted' })
    expect(seen).toEqual([1, 2])
  })

  test('a reader that leaves early is noticed', async () => {
    let left = false
    const stream = new EventStream<number>(() => {
      left = true
    })
    stream.push(1)
    for await (const _ of stream) break
    expect(left).toBe(true)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })
})

describe('backend choice', () => {
  const all = ['int8', 'q8f32', 'q8f16', 'f32'] as const
  const gpu = (software: boolean, shaderF16: boolean) => ({ webgpu: { software, shaderF16 } })

  test.each([
    ['no WebGPU', { webgpu: null }, undefined, 'wasm', 'int8'],
    ['a software adapter', gpu(true, false), undefined, 'wasm', 'int8'],
    ['a GPU with f16', gpu(false, true), undefined, 'webgpu', 'q8f16'],
    ['a GPU without f16', gpu(false, false), undefined, 'webgpu', 'q8f32'],
    ['a software adapter, forced', gpu(true, false), 'webgpu', 'webgpu', 'q8f32'],
    ['a GPU, WASM forced', gpu(false, true), 'wasm', 'wasm', 'int8'],
  ] as const)('%s', (_, capabilities, forced, backend, flavour) => {
    expect(chooseDecoder(capabilities, all, forced)).toEqual({ backend, flavour })
  })

  test('a graph that is missing is replaced by the next best', () => {
    const fourBits = ['q4f16', 'q8f32', 'int8', 'f32'] as const
    expect(chooseDecoder(gpu(false, true), fourBits)).toEqual({ backend: 'webgpu', flavour: 'q4f16' })
    expect(chooseDecoder(gpu(false, false), fourBits)).toEqual({ backend: 'webgpu', flavour: 'q8f32' })
    expect(chooseDecoder(gpu(false, true), ['q8f32'])).toEqual({ backend: 'webgpu', flavour: 'q8f32' })
    expect(chooseDecoder({ webgpu: null }, ['f32', 'q8f32'])).toEqual({ backend: 'wasm', flavour: 'f32' })
  })

  test('what cannot run is an error, not a wrong choice', () => {
    const code = (run: () => unknown) => {
      try {
        return run()
      } catch (thrown) {
        return (thrown as ValleyError).code
      }
    }
    expect(code(() => chooseDecoder({ webgpu: null }, all, 'webgpu'))).toBe('unsupported-browser')
    expect(code(() => chooseDecoder(gpu(false, false), ['q8f16', 'q4f16']))).toBe('pack-invalid')
    expect(code(() => chooseDecoder({ webgpu: null }, []))).toBe('pack-invalid')
  })
})
