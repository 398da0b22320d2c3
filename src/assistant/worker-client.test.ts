import { describe, expect, test, vi } from 'vitest'
import { LocalWorker, localClient } from '../../tests/browser/page-stand-in'
import { eventually, failure, never } from '../../tests/fixtures/engine-world'
import { WorkerClient, type WorkerLike } from './worker-client'

describe('WorkerClient', () => {
  test('an error event rejects calls in flight and those that come after', async () => {
    const worker = new LocalWorker({ slow: () => new Promise(() => {}) })
    const slow = new WorkerClient<{ slow(): Promise<void> }>('vision', worker as unknown as WorkerLike)
    const call = failure(slow.call((remote) => remote.slow()))
    worker.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message: 'no such module' }))
    expect(await call).toBe('worker-died')
    expect(await failure(slow.call((remote) => remote.slow()))).toBe('worker-died')
    expect(await slow.died).toMatchObject({ data: { worker: 'vision', detail: 'no such module' } })
  })

  test('leaving a stream early runs the producer to its finally', async () => {
    const ended = vi.fn()
    const api = {
      async *count(): AsyncGenerator<number, void, undefined> {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          ended()
        }
      },
    }
    const counter = localClient('vision', api)
    for await (const n of counter.stream((remote) => remote.count() as Promise<AsyncIterable<number>>, never())) {
      if (n === 2) break
    }
    await eventually(() => expect(ended).toHaveBeenCalledTimes(1))
    counter.terminate()
  })
})
