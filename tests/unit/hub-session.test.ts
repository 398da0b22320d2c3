/** A graph that the runtime cannot run names the operator that it misses; others name their stage. */
import { expect, test } from 'vitest'
import { openSession } from '../../workers/packs/hub/session'
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
