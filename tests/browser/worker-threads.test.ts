/**
 * What a worker of the app has its page start for its kernels: threads, as many as there are cores, or a worker for its
 * tower, which gets a second one later; and none where it is told to do without. How the two sides speak.
 */
import * as Comlink from 'comlink'
import { afterEach, expect, test, vi } from 'vitest'
import { WorkerThreads } from '../../src/assistant/worker-threads'
import type { LanguageApi, ThreadRequest, VisionApi } from '../../workers/protocol'
import { startThreadsByPage } from '../../workers/runtime/page-threads'
import { registerTransferHandlers } from '../../workers/transfer'
import { tinyPackUrl } from './language-tiny'

registerTransferHandlers()
const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
  vi.restoreAllMocks()
})

/** Loads a pack on the CPU in a fresh worker; how many threads of its run, and what it says of itself. */
async function load(kind: 'vision' | 'language', options: { threads?: number }) {
  const worker =
    kind === 'vision'
      ? new Worker(new URL('../../workers/vision/vision.worker.ts', import.meta.url), { type: 'module' })
      : new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' })
  const threads = new WorkerThreads(worker)
  ends.push(() => {
    worker.terminate()
    threads.end()
  })
  const api = Comlink.wrap<Pick<VisionApi | LanguageApi, 'load'>>(worker)
  const info = await api.load(
    { packUrl: tinyPackUrl('tiny-mean'), backend: 'wasm', ...options },
    Comlink.proxy(() => {}),
  )
  return { threads, info }
}

test.each(['vision', 'language'] as const)(
  '%s: one for each other core or for the tower, and none where there is to be one',
  async (kind) => {
    expect(crossOriginIsolated).toBe(true)
    const cores = Math.min(4, navigator.hardwareConcurrency)
    const { threads } = await load(kind, {})
    expect(threads.size).toBe(kind === 'vision' ? 1 : cores - 1)
    threads.end()
    expect(threads.size).toBe(0)
    const alone = await load(kind, { threads: 1 })
    expect(alone.threads.size).toBe(0)
    if (kind === 'language') expect(alone.info).toMatchObject({ threads: 1 })
  },
)

/** The two sides without a worker between them: what one `new Worker` of a worker becomes. */
function sides() {
  const worker = new EventTarget()
  const threads = new WorkerThreads(worker as unknown as Worker)
  const scope = {
    Worker,
    postMessage: (data: ThreadRequest) => void worker.dispatchEvent(new MessageEvent('message', { data })),
  }
  startThreadsByPage(scope)
  ends.push(() => threads.end())
  return { threads, scope }
}
const scriptOf = (source: string) => URL.createObjectURL(new Blob([source], { type: 'text/javascript' }))

test('a thread gets what it is sent, ports included, and is heard', async () => {
  const { threads, scope } = sides()
  const echo =
    'onmessage = ({ data, ports }) => { postMessage({ got: data.shared, name }); ports[0]?.postMessage("by port") }'
  const thread = new scope.Worker(scriptOf(echo), { name: 'em-pthread' })
  const shared = new SharedArrayBuffer(8)
  const heard = new Promise<MessageEvent>((resolve) => thread.addEventListener('message', resolve))
  const { port1, port2 } = new MessageChannel()
  const byPort = new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(data)
  })
  thread.postMessage({ shared, port2 }, [port2])
  const { data } = await heard
  expect(data).toMatchObject({ name: 'em-pthread', got: expect.any(SharedArrayBuffer) })
  // The same memory, not a copy of it.
  new Int32Array(data.got)[0] = 7
  expect(new Int32Array(shared)[0]).toBe(7)
  expect(await byPort).toBe('by port')
  port1.close()
  expect(threads.size).toBe(1)
  thread.terminate()
  await expect.poll(() => threads.size).toBe(0)
})

test('a thread that breaks, or may not be started, tells so', async () => {
  const { threads, scope } = sides()
  const broken = new scope.Worker(scriptOf('throw new Error("no such thread")'))
  const told = await new Promise<ErrorEvent>((resolve) => {
    broken.onerror = resolve
  })
  expect(told.message).toContain('no such thread')
  const refused = new scope.Worker('https://elsewhere.invalid/thread.mjs')
  expect(await new Promise((resolve) => refused.addEventListener('error', resolve))).toBeInstanceOf(ErrorEvent)
  threads.end()
  // What is asked for afterwards is not started.
  new scope.Worker(scriptOf(''))
  expect(threads.size).toBe(0)
})
