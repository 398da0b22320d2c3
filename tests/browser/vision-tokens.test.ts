/** Tower, pooling and projector on the GPU against PyTorch's results for the tiny packs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPack } from '../../workers/packs/source'
import { GpuBuffers } from '../../workers/runtime/buffers'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { loadOrt } from '../../workers/runtime/ort'
import { GpuEncoder } from '../../workers/vision/gpu-encoder'
import { packTensors } from '../../workers/vision/pack-tensors'
import { TokenHead } from '../../workers/vision/token-head'
import { readBuffer, Tower } from '../../workers/vision/tower'
import golden from '../fixtures/tiny/golden.json'
import { type FloatArray, floats, tinyPackUrl } from './language-tiny'
import { largestGap } from './largest-gap'
import { asMedia, rgbaFrame } from './vision-frames'

const ledger = new Ledger()
let gpu: GpuDevice
beforeAll(async () => {
  const opened = await openDevice(ledger)
  if (!opened) throw new Error('no WebGPU adapter')
  gpu = opened
})
afterAll(() => {
  gpu.dispose()
  expect(ledger.snapshot()).toEqual({})
})

async function visionPack(name: string) {
  const { manifest, file } = await openPack(tinyPackUrl(name))
  const projector = await file(manifest.projector.file)
  return { manifest, tower: await file(manifest.tower.file), tensors: packTensors(manifest.projector, projector) }
}

describe('pooling and projector', () => {
  test.each(golden.pooling)('$pack, T = $frames', async ({ pack: name, frames, patchTokens, frameTokens }) => {
    const pack = await visionPack(name)
    const { tower, pooling } = pack.manifest
    const feature = golden.features.find((candidate) => candidate.frames === frames)
    if (!feature) throw new Error('no features')
    const head = await TokenHead.create(gpu.device, ledger, pooling, pack.tensors)
    const buffers = new GpuBuffers(gpu.device, ledger, 'gpu-buffer')
    try {
      const patches = buffers.upload('patches', floats(feature.patches))
      const cls = buffers.upload('cls', floats(feature.cls))
      const tokens = await head.tokens(patches, cls, { frames, patches: tower.gridTokens, width: tower.width })
      const expected = new Float32Array([...floats(patchTokens), ...floats(frameTokens)])
      expect(largestGap(tokens, expected)).toBeLessThan(1e-4)
    } finally {
      buffers.dispose()
      head.dispose()
    }
  })
})

describe.each(['tiny-mean', 'tiny-retrieval'])('tower of %s', (name) => {
  const { pixels, patches, cls } = golden.tower
  const count = pixels.shape[0] ?? 0
  const vectors = name === golden.retrieval.pack ? golden.retrieval.embedding : cls

  test('on the GPU, input and outputs bound to our buffers', async () => {
    const pack = await visionPack(name)
    const tower = await Tower.create(await loadOrt('webgpu'), ledger, pack, gpu.device)
    const buffers = new GpuBuffers(gpu.device, ledger, 'gpu-buffer')
    try {
      const input = buffers.upload('pixels', floats(pixels))
      const out = (expected: FloatArray) => buffers.storage('output', floats(expected).byteLength)
      const [patchesOut, clsOut] = [out(patches), out(cls)]
      const embeddingOut = vectors === cls ? undefined : out(vectors)
      await tower.runBound(count, input, patchesOut, clsOut, embeddingOut)
      const read = (buffer: GPUBuffer) => readBuffer(gpu.device, ledger, buffer, buffer.size)
      expect(largestGap(await read(patchesOut), floats(patches))).toBeLessThan(1e-3)
      expect(largestGap(await read(clsOut), floats(cls))).toBeLessThan(1e-3)
      if (embeddingOut) expect(largestGap(await read(embeddingOut), floats(vectors))).toBeLessThan(1e-3)
    } finally {
      buffers.dispose()
      await tower.dispose()
    }
  })

  test('on the CPU', async () => {
    const tower = await Tower.create(await loadOrt('webgpu'), ledger, await visionPack(name), null)
    try {
      const got = await tower.runArrays(count, floats(pixels))
      expect(largestGap(got.patches, floats(patches))).toBeLessThan(1e-3)
      expect(largestGap(got.cls, floats(cls))).toBeLessThan(1e-3)
      expect(largestGap(got.vectors, floats(vectors))).toBeLessThan(1e-3)
    } finally {
      await tower.dispose()
    }
  })
})

test.each([
  ['tiny-delta', 32],
  ['tiny-retrieval', 16],
])('%s: the encoder with its tower on the GPU, in batches, equals the one with it on the CPU', async (name, size) => {
  const pack = await visionPack(name)
  const ort = await loadOrt('webgpu')
  const results: Float32Array[] = []
  for (const towerOn of ['webgpu', 'wasm'] as const) {
    const own = await openDevice(ledger)
    if (!own) throw new Error('no WebGPU adapter')
    const encoder = await GpuEncoder.create(ort, own, ledger, pack, towerOn)
    await encoder.warmUp()
    const resting = ledger.snapshot()
    const { bytes } = ledger.gpuMemory()
    const job = await encoder.begin(6)
    expect(ledger.gpuMemory().bytes).toBeGreaterThan(bytes)
    const vectors: number[] = []
    // Six frames: one full batch and a part of one.
    for (let at = 0; at < 6; at++) {
      const media = asMedia(rgbaFrame({ width: 40 + 8 * at, height: 60 }), ledger)
      await job.add(media)
      media.close()
      if ((at + 1) % encoder.batch === 0 || at === 5) for (const vector of await job.run()) vectors.push(...vector)
    }
    const { patchTokens, frameTokens } = await job.finish()
    job.dispose()
    expect(ledger.snapshot()).toEqual(resting)
    expect(ledger.gpuMemory().bytes).toBe(bytes)
    await encoder.dispose()
    expect([patchTokens.length, frameTokens.length, vectors.length]).toEqual([4 * 64, 6 * 64, 6 * size])
    results.push(Float32Array.from([...patchTokens, ...frameTokens, ...vectors]))
  }
  expect(largestGap(results[0] ?? new Float32Array(), results[1] ?? new Float32Array())).toBeLessThan(1e-3)
})
