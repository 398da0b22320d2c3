// biome-ignore lint/style/noRestrictedImports: the address of a worker's script, to which a parameter is added; none of its code
import packsWorker from '../../workers/packs/packs.worker.ts?worker&url'
import { hubParameter, type LanguageApi, type PacksApi, type VisionApi } from '../../workers/protocol'
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

/**
 * Starts the worker that lists, fetches and imports packs. Nothing is lost with it, so nothing watches over it.
 * @param hub  the origin of a hub that it may talk to; none where absent
 */
export function startPacks(hub?: string): WorkerClient<PacksApi> {
  const url = new URL(packsWorker, import.meta.url)
  if (hub !== undefined) url.searchParams.set(hubParameter, hub)
  const worker = new Worker(url, { type: 'module' })
  return new WorkerClient('packs', worker)
}
