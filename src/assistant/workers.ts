import type { LanguageApi, PacksApi, VisionApi } from '../../workers/protocol'
import { WorkerClient } from './worker-client'

const lockName = (kind: string) => `valley-${kind}-${crypto.randomUUID()}`

/** Starts the worker that opens clips and encodes frames. */
export function startVision(): WorkerClient<VisionApi> {
  const name = lockName('vision')
  const worker = new Worker(new URL('../../workers/vision/vision.worker.ts', import.meta.url), { type: 'module', name })
  return new WorkerClient('vision', worker, name)
}

/** Starts the worker that reads questions and writes answers. */
export function startLanguage(): WorkerClient<LanguageApi> {
  const name = lockName('language')
  const worker = new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), {
    type: 'module',
    name,
  })
  return new WorkerClient('language', worker, name)
}

/** Starts the worker that lists, fetches and imports packs. Nothing is lost with it, so nothing watches over it. */
export function startPacks(): WorkerClient<PacksApi> {
  const worker = new Worker(new URL('../../workers/packs/packs.worker.ts', import.meta.url), { type: 'module' })
  return new WorkerClient('packs', worker)
}
