/** The worker client against real workers: every way of dying rejects what waits. */
import { afterEach, describe, expect, test } from 'vitest'
import { WorkerClient } from '../../src/assistant/worker-client'
import { ValleyError } from '../../workers/protocol'
import type { MortalApi } from './page-mortal.worker'

const clients: WorkerClient<MortalApi>[] = []
afterEach(() => {
  for (const client of clients.splice(0)) client.terminate()
})

function start(): WorkerClient<MortalApi> {
  const name = `mortal-${crypto.randomUUID()}`
  const worker = new Worker(new URL('./page-mortal.worker.ts', import.meta.url), { type: 'module', name })
  const client = new WorkerClient<MortalApi>('mortal', worker, name)
  clients.push(client)
  return client
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (thrown) => thrown,
  )

/** The page has seen the worker's lock held, so that only its end can free it. */
async function watched(client: WorkerClient<MortalApi>): Promise<void> {
  expect(await client.call((remote) => remote.hello())).toBe('hello')
  await expect
    .poll(async () => (await navigator.locks.query()).pending?.some(({ name }) => name?.startsWith('mortal-')))
    .toBe(true)
}

test('the threads of a worker end with it', async () => {
  const client = start()
  const lock = `thread-${crypto.randomUUID()}`
  const isHeld = async () => (await navigator.locks.query()).held?.some(({ name }) => name === lock)
  await client.call((remote) => remote.startThread(lock))
  await expect.poll(isHeld).toBe(true)
  client.terminate()
  await expect.poll(isHeld).toBe(false)
})

describe('a call in flight rejects with worker-died', () => {
  test('when the worker closes itself without a word', async () => {
    const client = start()
    await watched(client)
    const hanging = failure(client.call((remote) => remote.hang()))
    await client.call((remote) => remote.leave())
    expect(await hanging).toMatchObject({ code: 'worker-died', data: { worker: 'mortal' } })
    expect(client.alive).toBe(false)
  })

  test('when an exception escapes in the worker', async () => {
    const client = start()
    await client.call((remote) => remote.hello())
    const hanging = failure(client.call((remote) => remote.hang()))
    await client.call((remote) => remote.fail())
    expect(await hanging).toMatchObject({ code: 'worker-died' })
    expect((await client.died).data.detail).toMatch(/out of my depth/)
  })

  test('when the page ends it, a stream as well', async () => {
    const client = start()
    const counting = failure(
      (async () => {
        const stream = client.stream((remote, signal) => remote.count(signal) as never, new AbortController().signal)
        for await (const n of stream as AsyncIterable<number>) if (n === 2) client.terminate()
      })(),
    )
    expect(await counting).toMatchObject({ code: 'worker-died' })
  })

  test('when its script is not there', async () => {
    const worker = new Worker('/no-such-worker.js', { type: 'module' })
    const client = new WorkerClient<MortalApi>('mortal', worker)
    clients.push(client)
    expect(await failure(client.call((remote) => remote.hello()))).toMatchObject({ code: 'worker-died' })
  })
})

test('code, data and cause of an error cross the boundary', async () => {
  const thrown = await failure(start().call(async (remote) => remote.refuse()))
  expect(thrown).toBeInstanceOf(ValleyError)
  expect(thrown).toMatchObject({ code: 'clip-damaged', data: { stage: 'demux' }, cause: { code: 'file-unreadable' } })
})

test('an abort reaches a stream in the worker within a step', async () => {
  const client = start()
  const stop = new AbortController()
  const seen: number[] = []
  const stream = client.stream((remote, signal) => remote.count(signal) as never, stop.signal)
  const thrown = await failure(
    (async () => {
      for await (const n of stream as AsyncIterable<number>) {
        seen.push(n)
        if (n === 3) stop.abort()
      }
    })(),
  )
  expect(thrown).toMatchObject({ code: 'aborted' })
  expect(seen.length).toBeLessThan(7)
  expect(await client.call((remote) => remote.hello())).toBe('hello')
})
