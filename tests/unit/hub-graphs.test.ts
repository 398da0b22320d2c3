/** A part's files, where one of them is not here. */
import { expect, test } from 'vitest'
import { readGraph } from '../../workers/packs/hub/graphs'
import type { HubManifest } from '../../workers/packs/hub/manifest'
import { macrotask } from '../../workers/runtime/macrotask'

test('every file that is missing is heard of, though the first of them is what is thrown', async () => {
  const path = 'onnx/vision_encoder.onnx'
  const files = [path, `${path}_data`, `${path}_data_1`].map((name) => ({ path: name, bytes: 1, sha256: '' }))
  const manifest = { precisions: { vision_encoder: 'f32' }, files } as unknown as HubManifest
  const unheard: unknown[] = []
  const listen = (reason: unknown) => unheard.push(reason)
  process.on('unhandledRejection', listen)
  const reading = readGraph(manifest, 'vision_encoder', async (name) => {
    // The graph is looked for longest.
    if (name === path) await macrotask()
    throw new Error(name)
  })
  await expect(reading).rejects.toThrow(`${path}_data`)
  await macrotask()
  await macrotask()
  process.off('unhandledRejection', listen)
  expect(unheard).toEqual([])
})
