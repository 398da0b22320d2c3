/**
 * What a worker of the app starts for its kernels: threads, as many as there are cores, or a worker for its tower, which
 * gets a second one later; and none where it is told to do without.
 */
import * as Comlink from 'comlink'
import { afterEach, expect, test } from 'vitest'
import type { LanguageApi, ThreadStart, VisionApi } from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'
import { tinyPackUrl } from './language-tiny'

registerTransferHandlers()
const workers: Worker[] = []
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
})

/** Loads a pack on the CPU in a fresh worker; how many threads it began to start, and what it says of itself. */
async function load(kind: 'vision' | 'language', options: { threads?: number }) {
  const worker =
    kind === 'vision'
      ? new Worker(new URL('../../workers/vision/vision.worker.ts', import.meta.url), { type: 'module' })
      : new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' })
  workers.push(worker)
  let begun = 0
  worker.addEventListener('message', ({ data }: MessageEvent<Partial<ThreadStart>>) => {
    if (data.threadStart === 'begun') begun += 1
  })
  const api = Comlink.wrap<Pick<VisionApi | LanguageApi, 'load'>>(worker)
  const info = await api.load(
    { packUrl: tinyPackUrl('tiny-mean'), backend: 'wasm', ...options },
    Comlink.proxy(() => {}),
  )
  return { begun, info }
}

test.each(['vision', 'language'] as const)(
  '%s: one for each other core or for the tower, and none where there is to be one',
  async (kind) => {
    expect(crossOriginIsolated).toBe(true)
    const cores = Math.min(4, navigator.hardwareConcurrency)
    expect((await load(kind, {})).begun).toBe(kind === 'vision' ? 1 : cores - 1)
    const alone = await load(kind, { threads: 1 })
    expect(alone.begun).toBe(0)
    if (kind === 'language') expect(alone.info).toMatchObject({ threads: 1 })
  },
)
