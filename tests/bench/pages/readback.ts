/** The app's engine on WebGPU without its screens, in workers that count what leaves the GPU; `valley` is the app's own. */
import { exposeAutomation } from '../../../src/assistant/automation'
import { Engine } from '../../../src/assistant/engine'
import { WorkerClient } from '../../../src/assistant/worker-client'
import type { LanguageApi, VisionApi } from '../../../workers/protocol'
import { takeReads } from '../../tools/readback/instrument'
import { parameter } from './peer'

function startVision(): WorkerClient<VisionApi> {
  const name = crypto.randomUUID()
  const worker = new Worker(new URL('../../tools/readback/vision.worker.ts', import.meta.url), { type: 'module', name })
  return new WorkerClient('vision', worker, name)
}

function startLanguage(): WorkerClient<LanguageApi> {
  const name = crypto.randomUUID()
  // In one piece, as Vite looks for it.
  const worker = new Worker(new URL('../../tools/readback/language.worker.ts', import.meta.url), {
    type: 'module',
    name,
  })
  return new WorkerClient('language', worker, name)
}

const engine = new Engine({
  packUrl: new URL(parameter('pack'), location.href).href,
  visionBackend: 'webgpu',
  languageBackend: parameter('language') === 'webgpu' ? 'webgpu' : 'wasm',
  keepClips: false,
  startVision,
  startLanguage,
})
exposeAutomation(engine, () => null)
Object.assign(globalThis, { takeReads })
engine.start()
