/** A graph that the runtime cannot run names the operator that it misses; others name their stage. */
import { expect, test } from 'vitest'
import { HubDecoder } from '../../workers/language/hub/decoder'
import { openSession } from '../../workers/packs/hub/session'
import type { GpuDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import type { OrtModule } from '../../workers/runtime/ort'
import { modelOf } from './hub-fixtures'
import { nodeOrt } from './node-ort'

/** One node y = NoSuchOperator(x), of ONNX's own domain and of com.microsoft; made with onnx.helper. */
const graphs = {
  NoSuchOperator:
    'CAg6RQoWCgF4EgF5Ig5Ob1N1Y2hPcGVyYXRvchIBZ1oTCgF4Eg4KDAgBEggKAggBCgIIAWITCgF5Eg4KDAgBEggKAggBCgIIAUIECgAQEUIRCg1jb20ubWljcm9zb2Z0EAE=',
  'com.microsoft:NoSuchOperator':
    'CAg6VAolCgF4EgF5Ig5Ob1N1Y2hPcGVyYXRvcjoNY29tLm1pY3Jvc29mdBIBZ1oTCgF4Eg4KDAgBEggKAggBCgIIAWITCgF5Eg4KDAgBEggKAggBCgIIAUIECgAQEUIRCg1jb20ubWljcm9zb2Z0EAE=',
}
const open = async (bytes: Uint8Array<ArrayBuffer>) => openSession(await nodeOrt(), { bytes, beside: [] }, 'wasm')

test.each(Object.entries(graphs))('%s', async (operator, graph) => {
  const failure = open(new Uint8Array(Buffer.from(graph, 'base64')))
  await expect(failure).rejects.toMatchObject({ code: 'hub-operator', data: { operator } })
})

test('bytes that are no graph', async () => {
  await expect(open(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: 'internal', data: { stage: 'session' } })
})

test('a device that is lost while its decoder starts is not waited for', async () => {
  const started = new Promise<never>(() => {})
  const ort = { InferenceSession: { create: () => started } } as unknown as OrtModule
  const lost = Promise.resolve({ reason: 'unknown', message: 'the driver was reset' })
  const gpu = { device: { lost } } as unknown as GpuDevice
  const { text } = modelOf('smolvlm')
  const graph = { bytes: new Uint8Array(), beside: [] }
  const opening = HubDecoder.open(ort, graph, text, 64, gpu, new Ledger())
  await expect(opening).rejects.toMatchObject({ code: 'device-lost' })
})
