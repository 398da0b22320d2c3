/** A worker that never comes back from making a thread is given up; what is said on the way to that. */
import { afterEach, expect, test, vi } from 'vitest'
import { WorkerClient, type WorkerLike } from '../../src/assistant/worker-client'
import type { ThreadStart } from '../../workers/protocol'
import { announceThreadStarts } from '../../workers/runtime/thread-starts'

/** A worker whose own threads start, or never return from starting. */
class Fake extends EventTarget {
  terminated = false
  say(threadStart: ThreadStart['threadStart']): void {
    this.dispatchEvent(new MessageEvent('message', { data: { threadStart } }))
  }
  postMessage(): void {}
  start(): void {}
  terminate(): void {
    this.terminated = true
  }
}

afterEach(() => {
  vi.useRealTimers()
})

function watched() {
  vi.useFakeTimers()
  const worker = new Fake()
  const client = new WorkerClient<{ load(): Promise<string> }>('vision', worker as unknown as WorkerLike)
  return { worker, client, load: client.call((remote) => remote.load()) }
}

test('a thread that never starts is the death of its worker, and what waits for it rejects', async () => {
  const { worker, client, load } = watched()
  worker.say('begun')
  worker.say('made')
  worker.say('begun')
  const failed = expect(load).rejects.toMatchObject({ code: 'worker-died', data: { worker: 'vision' } })
  await vi.advanceTimersByTimeAsync(60_000)
  await failed
  expect(client.alive).toBe(false)
  expect(worker.terminated).toBe(true)
})

test('threads that start leave it alive, however long it works afterwards', async () => {
  const { worker, client, load } = watched()
  const ended = expect(load).rejects.toMatchObject({ data: { detail: 'ended by the page' } })
  for (let thread = 0; thread < 3; thread++) {
    worker.say('begun')
    await vi.advanceTimersByTimeAsync(1000)
    worker.say('made')
  }
  await vi.advanceTimersByTimeAsync(600_000)
  expect(client.alive).toBe(true)
  client.terminate()
  await ended
})

test('a worker tells before and after each thread that it makes', () => {
  const said: string[] = []
  class Native {
    constructor(readonly url: string) {
      said.push(url)
    }
  }
  const scope = {
    Worker: Native as unknown as typeof Worker,
    postMessage: ({ threadStart }: ThreadStart) => void said.push(threadStart),
  }
  announceThreadStarts(scope)
  const made = new scope.Worker('thread.mjs', { type: 'module' })
  expect(made).toBeInstanceOf(Native)
  expect(said).toEqual(['begun', 'thread.mjs', 'made'])
})

test('a thread that is refused is one that is over', () => {
  const said: string[] = []
  class Refusing {
    constructor() {
      throw new DOMException('not from there', 'SecurityError')
    }
  }
  const scope = {
    Worker: Refusing as unknown as typeof Worker,
    postMessage: ({ threadStart }: ThreadStart) => void said.push(threadStart),
  }
  announceThreadStarts(scope)
  expect(() => new scope.Worker('thread.mjs')).toThrow('not from there')
  expect(said).toEqual(['begun', 'made'])
})
