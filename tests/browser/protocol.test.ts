import * as Comlink from 'comlink'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'

let produced = 0
let finallyRan = false

const service = {
  fail(): never {
    throw new ValleyError(
      'codec-unsupported',
      { codec: 'hvc1', container: 'MP4' },
      { cause: new ValleyError('internal', { detail: 'inner' }) },
    )
  },
  failOddly(): never {
    throw new TypeError('not ours')
  },
  waitForAbort(signal: AbortSignal): Promise<string> {
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted'), { once: true }))
  },
  async *count(to: number) {
    try {
      for (let i = 0; i < to; i++) {
        produced++
        yield i
      }
    } finally {
      finallyRan = true
    }
  },
  // biome-ignore lint/correctness/useYield: a stream that fails before its first item is what is tested
  async *failingStream(): AsyncGenerator<number> {
    throw new ValleyError('context-full', { tokens: 900, limit: 768 })
  },
}

let port: MessagePort

beforeAll(registerTransferHandlers)
afterEach(() => port?.close())

function connect(): Comlink.Remote<typeof service> {
  const channel = new MessageChannel()
  port = channel.port1
  Comlink.expose(service, channel.port2)
  return Comlink.wrap<typeof service>(channel.port1)
}

test('an error keeps code, data and cause across the boundary', async () => {
  const error = await Promise.resolve(connect().fail()).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ValleyError)
  const valley = error as ValleyError
  expect(valley.code).toBe('codec-unsupported')
  expect(valley.data).toEqual({ codec: 'hvc1', container: 'MP4' })
  expect((valley.cause as ValleyError).data).toEqual({ detail: 'inner' })
})

test('an error that is not ours keeps name and message', async () => {
  const error = await Promise.resolve(connect().failOddly()).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ name: 'TypeError', message: 'not ours' })
})

test('an AbortSignal fires on the other side', async () => {
  const controller = new AbortController()
  const waiting = connect().waitForAbort(controller.signal)
  controller.abort()
  expect(await waiting).toBe('aborted')
})

test('a stream is pulled by the consumer, one item a request', async () => {
  produced = 0
  const stream = (await connect().count(100)) as unknown as AsyncIterable<number>
  const seen: number[] = []
  for await (const item of stream) {
    seen.push(item)
    if (item === 2) break
  }
  expect(seen).toEqual([0, 1, 2])
  expect(produced).toBe(3)
})

test('leaving a stream early runs the producer’s finally', async () => {
  finallyRan = false
  const stream = (await connect().count(100)) as unknown as AsyncIterable<number>
  for await (const _ of stream) break
  await expect.poll(() => finallyRan).toBe(true)
})

test('a stream’s failure arrives with its code', async () => {
  const stream = (await connect().failingStream()) as unknown as AsyncIterable<number>
  const error = await (async () => {
    for await (const _ of stream);
  })().catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'context-full', data: { tokens: 900, limit: 768 } })
})
