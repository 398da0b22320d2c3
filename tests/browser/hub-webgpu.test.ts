/**
 * Packs of the hub on a graphics card, here a software one: float32, for it has no shader-f16. The encoder's features and the
 * decoder's greedy tokens against PyTorch's.
 */
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { type HubModel, recognise } from '../../workers/packs/hub/config'
import { openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { loadOrt } from '../../workers/runtime/ort'
import { HubEncoder } from '../../workers/vision/hub/encoder'
import {
  answer,
  asked,
  type Both,
  caseOf,
  download,
  hubReference,
  openBoth,
  pictures,
  prefixKept,
  see,
  unpack,
} from './hub-tiny'
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
  test.each(['smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'])(
    '%s: batches of frames to PyTorch’s features',
    async (family) => {
      const model = await modelOf(family)
      const graph = await fixture(family, 'onnx/vision_encoder.onnx')
      const bytes = new Uint8Array((await graph?.arrayBuffer()) ?? new ArrayBuffer())
      const gpu = await openDevice(ledger)
      if (!gpu) throw new Error('no WebGPU adapter')
      const ort = await loadOrt('webgpu')
      const encoder = await HubEncoder.onGpu(ort, gpu, ledger, model, { bytes, beside: [] }, 'webgpu')
      try {
        await encoder.warmUp()
        const resting = ledger.snapshot()
        const reference = await hubReference(family)
        const frames = await pictures(reference)
        const job = await encoder.begin(frames.length, 'own')
        let vectors = 0
        for (const [at, picture] of frames.entries()) {
          const image = await createImageBitmap(picture)
          const media = asMedia(new VideoFrame(image, { timestamp: 0 }), ledger)
          image.close()
          await job.add(media)
          media.close()
          // A batch of three, and one that is not full.
          if (at === 2 || at === frames.length - 1) vectors += (await job.run()).length
        }
        const { patchTokens } = await job.finish()
        job.dispose()
        expect(ledger.snapshot()).toEqual(resting)
        expect(vectors).toBe(frames.length)
        const features = new Float32Array((await unpack(reference.imageFeatures)).buffer)
        // LLaVA-OneVision shrinks a clip's frames; the others keep all that PyTorch says.
        if (model.frames.ownGrid === model.frames.featureGrid)
          expect(largestGap(patchTokens, features)).toBeLessThan(2e-3)
        else
          expect(patchTokens).toHaveLength(
            (features.length * model.frames.ownGrid ** 2) / model.frames.featureGrid ** 2,
          )
      } finally {
        await encoder.dispose()
      }
    },
  )
})

describe('the decoder', () => {
  const opened: Both[] = []
  afterEach(() => {
    for (const both of opened.splice(0)) both.end()
  })
  async function open(family: string): Promise<Both> {
    const both = await openBoth(`tiny/${family}-f32`, { backend: 'webgpu', keepClips: true })
    opened.push(both)
    return both
  }

  // With keys and values alone, and with LFM2's convolutions beside them.
  test.each(['smolvlm', 'lfm2-vl'])(
    '%s: PyTorch’s tokens; a second question reuses what stays on the GPU',
    async (family) => {
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
      expect(await both.language.ledger()).toEqual({ 'kv-cache': 1, session: 2, 'gpu-device': 1, tensor: 2 })
    },
    300_000,
  )

  test('what a clip begins a prompt with is kept from the GPU, and comes back to it', async () => {
    const family = 'lfm2-vl'
    await download(`tiny/${family}-f32`)
    const reference = await hubReference(family)
    const frames = await pictures(reference)
    const one = caseOf(reference, 'clip-mean')
    for (const visit of [1, 2]) {
      const both = await open(family)
      await see(both, frames, { clipId: 'mean', name: 'frames', pooling: 'mean' })
      const { ids, stats } = await answer(both, asked(one, 'mean'))
      expect(ids).toEqual(one.tokens)
      if (visit === 2) expect(stats.reusedTokens).toBeGreaterThanOrEqual(20)
      await prefixKept()
      both.end()
    }
  }, 300_000)
})
