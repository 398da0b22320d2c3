import * as Comlink from 'comlink'
import type { VisionApi } from '../protocol'
import { holdLivenessLock } from '../runtime/liveness'
import { paced } from '../runtime/paced'
import { startThreadsByPage } from '../runtime/page-threads'
import { registerTransferHandlers } from '../transfer'
import { VisionEngine } from './engine'

holdLivenessLock()
startThreadsByPage()
registerTransferHandlers()
const engine = new VisionEngine()
const api: VisionApi = {
  load: (options, onProgress) => engine.load(options, paced(onProgress)),
  warmUp: () => engine.warmUp(),
  connect: (port) => engine.connect(port),
  encode: (source, options, signal) => engine.encode(source, options, signal),
  embedTexts: async (texts, signal) => {
    const vectors = await engine.embedTexts(texts, signal)
    return Comlink.transfer(vectors, [vectors.buffer])
  },
  ledger: () => engine.ledger(),
  gpuMemory: () => engine.gpuMemory(),
  loseDevice: () => engine.loseDevice(),
}
Comlink.expose(api)
