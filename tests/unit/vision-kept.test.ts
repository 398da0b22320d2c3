import { expect, test } from 'vitest'
import { deferred } from '../../src/assistant/deferred'
import type { StoredRecord } from '../../workers/cache/records'
import { type ClipKey, type KeptClip, KeptClips } from '../../workers/vision/kept-clips'
import { encodedSample, sampleMedia } from '../fixtures/sample'

const keyOf = (contentHash: string): ClipKey => ({
  packHash: 'p',
  contentHash,
  frames: 8,
  moments: undefined,
  pooling: undefined,
  backend: 'wasm',
  route: undefined,
})
const clipOf = (name: string): KeptClip => ({
  planned: [0],
  clip: encodedSample(name, sampleMedia(1), [0]),
  tokens: { patchTokens: Float32Array.of(1), frameTokens: Float32Array.of(2) },
  quotes: [],
  times: [0],
  vectors: [Float32Array.of(3)],
  thumbnails: [new Blob(['x'])],
})

test('a clip that is opened again waits until it is written, though another was kept since', async () => {
  const disk = new Map<string, StoredRecord>()
  const slow = deferred<void>()
  const gates = [slow.promise, Promise.resolve()]
  const kept = new KeptClips({
    read: async (name) => disk.get(name) ?? null,
    write: async (name, record) => {
      await gates.shift()
      disk.set(name, record)
      return true
    },
    remove: async () => {},
  })
  kept.keep(keyOf('a'), clipOf('a'))
  kept.keep(keyOf('b'), clipOf('b'))
  const again = kept.find(keyOf('a'))
  // Turns enough for all that does not wait for the slow one.
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
  slow.resolve()
  expect(await again).toMatchObject({ tokens: { patchTokens: Float32Array.of(1) } })
  expect(await kept.find(keyOf('b'))).not.toBeNull()
})
