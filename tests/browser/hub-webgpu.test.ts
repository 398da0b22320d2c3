/**
 * Packs of the hub on a graphics card, here a software one: float32, for it has no shader-f16. The encoder's features and the
 * decoder's greedy tokens against PyTorch's.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type HubModel, recognise } from '../../workers/packs/hub/config'
import { type FrameRoute, keptFolders } from '../../workers/protocol'
import { type GpuDevice, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { loadOrt } from '../../workers/runtime/ort'
import { HubEncoder } from '../../workers/vision/hub/encoder'
import { clipRows } from '../../workers/vision/hub/pooling'
import { caseOf } from '../fixtures/hub-reference'
import { answer, asked, type Both, download, hubReference, openBoth, pictures, see, unpack } from './hub-tiny'
import { recordsKept, removeFolder } from './kept-storage'
import { largestGap } from './largest-gap'
import { asMedia } from './vision-frames'

const ledger = new Ledger()
afterAll(() => expect(ledger.snapshot()).toEqual({}))

async function fixture(family: string, path: string): Promise<Response | null> {
  const response = await fetch(`/tests/fixtures/hub/${family}/${path}`)
  // A page stands in for what is not there.
  const html = response.headers.get('Content-Type')?.startsWith('text/html')
  return response.ok && !html ? response : null
}

async function modelOf(family: string): Promise<HubModel> {
  const paths = ['config.json', 'preprocessor_config.json', 'processor_config.json']
  const files = await Promise.all(paths.map(async (path) => [path, await (await fixture(family, path))?.json()]))
  return recognise(family, Object.fromEntries(files))
}

describe('the encoder', () => {
  // The runtime compiles a shader once a device, as long as a session lives on it. This takes most of the time here, and
  // the families have most of them in common.
  let gpu: GpuDevice
  const encoders: HubEncoder[] = []
  beforeAll(async () => {
    const opened = await openDevice(ledger)
    if (!opened) throw new Error('no WebGPU adapter')
    gpu = opened
  })
  afterAll(async () => {
    for (const encoder of encoders) await encoder.dispose()
    gpu.dispose()
  })

  test.each(['smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'])(
    '%s: batches of frames to PyTorch’s features',
    async (family) => {
      const model = await modelOf(family)
      const graph = await fixture(family, 'onnx/vision_encoder.onnx')
      const bytes = new Uint8Array((await graph?.arrayBuffer()) ?? new ArrayBuffer())
      const ort = await loadOrt('webgpu')
      const shared = { ...gpu, dispose: () => {} }
      const encoder = await HubEncoder.onGpu(ort, shared, ledger, model, { bytes, beside: [] }, 'webgpu')
      encoders.push(encoder)
      await encoder.warmUp()
      const resting = ledger.snapshot()
      const reference = await hubReference(family)
      const frames = await pictures(reference)
      const job = await encoder.begin(frames.length, 'own')
      const mapped = vi.spyOn(GPUBuffer.prototype, 'mapAsync')
      const routes = new Set<FrameRoute>()
      let vectors = 0
      for (const [at, picture] of frames.entries()) {
        const image = await createImageBitmap(picture)
        const media = asMedia(new VideoFrame(image, { timestamp: 0 }), ledger)
        image.close()
        routes.add((await job.add(media)).route)
        media.close()
        // A batch of three, and one that is not full.
        if (at === 2 || at === frames.length - 1) vectors += (await job.run()).length
      }
      // No canvas on the way; and what comes back from the GPU is less than the frames' pixels: the features alone.
      expect([...routes]).not.toContain('canvas')
      const read = mapped.mock.contexts.reduce((sum: number, buffer) => sum + (buffer as GPUBuffer).size, 0)
      mapped.mockRestore()
      expect(read).toBeGreaterThan(0)
      expect(read).toBeLessThan(frames.length * 3 * model.frames.inputSize ** 2 * 4)
      const { patchTokens } = await job.finish()
      job.dispose()
      expect(ledger.snapshot()).toEqual(resting)
      expect(vectors).toBe(frames.length)
      const rows = new Float32Array((await unpack(reference.imageFeatures)).buffer)
      const features = { rows, frames: frames.length, tokens: reference.tokensPerFrame, width: model.text.hiddenSize }
      // As the family has a clip's frames: LLaVA-OneVision shrinks them, the others keep all that PyTorch says.
      expect(largestGap(patchTokens, clipRows(features, model.frames, 'own'))).toBeLessThan(2e-3)
    },
  )
})

describe('the decoder', () => {
  const opened: Both[] = []
  beforeEach(() => removeFolder(keptFolders.prefixes))
  afterEach(() => {
    for (const both of opened.splice(0)) both.end()
  })
  async function open(family: string): Promise<Both> {
    const both = await openBoth(`tiny/${family}-f32`, { backend: 'webgpu', keepClips: true })
    opened.push(both)
    return both
  }

  // With keys and values alone, and with LFM2's convolutions beside them.
  // Each visit compiles its shaders anew: one family comes again, the one whose convolutions are kept as well.
  test.each([
    { family: 'smolvlm', visits: 'one visit' },
    { family: 'lfm2-vl', visits: 'two visits' },
  ])(
    '$family in $visits: PyTorch’s tokens; the next question reuses what stays on the GPU, the next visit what was kept of it',
    async ({ family, visits }) => {
      await download(`tiny/${family}-f32`)
      const reference = await hubReference(family)
      const frames = await pictures(reference)
      const both = await open(family)
      expect(both.info).toMatchObject({ vision: { backend: 'webgpu' }, language: { backend: 'webgpu' } })
      await see(both, frames.slice(0, 1), { clipId: 'image', name: 'frames', pooling: 'own' })
      await see(both, frames, { clipId: 'mean', name: 'frames', pooling: 'mean' })
      const names = { image: 'image', 'clip-mean': 'mean', 'clip-mean-again': 'mean' }
      for (const [name, clipId] of Object.entries(names)) {
        const one = caseOf(reference, name)
        const { ids, stats } = await answer(both, asked(one, clipId))
        expect({ [name]: ids }).toEqual({ [name]: one.tokens })
        if (name.endsWith('again')) expect(stats.reusedTokens).toBeGreaterThan(20)
      }
      expect((await both.language.gpuMemory()).bytes).toBeGreaterThan(100_000)
      await expect.poll(() => both.language.ledger()).toEqual({ 'kv-cache': 1, session: 2, 'gpu-device': 1, tensor: 2 })
      if (visits === 'one visit') return
      await recordsKept('prefixes', 2)
      both.end()
      const later = await open(family)
      await see(later, frames, { clipId: 'mean', name: 'frames', pooling: 'mean' })
      const one = caseOf(reference, 'clip-mean')
      const { ids, stats } = await answer(later, asked(one, 'mean'))
      expect(ids).toEqual(one.tokens)
      expect(stats.reusedTokens).toBeGreaterThanOrEqual(20)
    },
    300_000,
  )
})
