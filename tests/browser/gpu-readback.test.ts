/** What leaves the GPU on the route of a real one: visual tokens, CLIP vectors, small thumbnails, logits of one position. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnswerEvent, LanguageApi } from '../../workers/protocol'
import { type Read, takeReads } from '../tools/readback/instrument'
import { tinyPackUrl } from './language-tiny'
import { encodeFile, fetchFile, type VisionWorker } from './vision-support'

const float = 4
/** Both are 320x180: twice as wide as a thumbnail. */
const clips = ['/tests/fixtures/clips/vp9.webm', '/tests/fixtures/clips/h264-edit-list.mp4']
const packUrl = tinyPackUrl('tiny-delta')
const unheard = () => Comlink.proxy(() => undefined)

let vision: VisionWorker
beforeAll(async () => {
  const worker = new Worker(new URL('../tools/readback/vision.worker.ts', import.meta.url), { type: 'module' })
  vision = { api: Comlink.wrap(worker), worker, end: () => worker.terminate() }
  // Named alone, the adapter has kernels and tower; else the tower's place would be added.
  expect(await vision.api.load({ packUrl, backend: 'webgpu' }, unheard())).toMatchObject({
    adapter: 'test instrumented',
  })
}, 120_000)
afterAll(() => vision.end())

const of = (reads: readonly Read[], api: Read['api']) => reads.filter((read) => read.api === api)
const bytesOf = (reads: readonly Read[]) => reads.reduce((sum, { bytes }) => sum + bytes, 0)

test.each(clips)('%s: nothing but tokens, vectors and thumbnails comes back', async (url) => {
  await takeReads('vision')
  const { clip, tokens, frames } = await encodeFile(vision, await fetchFile(url))
  const reads = await takeReads('vision')
  expect(clip).toMatchObject({ route: 'external-texture', backend: 'webgpu', media: { width: 320, height: 180 } })
  const values = tokens.patchTokens.length + clip.frameTokens * tokens.hiddenSize
  const vectors = frames.reduce((sum, { vector }) => sum + vector.length, 0)
  expect(bytesOf(of(reads, 'GPUBuffer'))).toBe(float * (values + vectors))
  expect(of(reads, 'convertToBlob').map(({ what }) => what)).toEqual(frames.map(() => '160x90'))
  // What else there is would be a picture: of any size, one too many.
  expect(reads).toHaveLength(of(reads, 'GPUBuffer').length + frames.length)
})

test('the count sees what another route reads', async () => {
  await takeReads('vision')
  const { frames } = await encodeFile(vision, await fetchFile(clips[0] ?? ''), { route: 'planes' })
  const copied = of(await takeReads('vision'), 'VideoFrame.copyTo')
  expect(copied).toHaveLength(frames.length)
  for (const { bytes } of copied) expect(bytes).toBeGreaterThanOrEqual(320 * 180 * 1.5)
})

test('a further token of an answer brings back the logits of its position at most, and no keys or values', async () => {
  const worker = new Worker(new URL('../tools/readback/language.worker.ts', import.meta.url), { type: 'module' })
  try {
    const api = Comlink.wrap<LanguageApi>(worker)
    await api.load({ packUrl, backend: 'webgpu' }, unheard())
    const bytes: number[] = []
    for (const maxNewTokens of [2, 4]) {
      await takeReads('language')
      const options = { temperature: 0, maxNewTokens }
      const request = { clipId: null, turns: [], question: 'What is it?', options }
      const events = (await api.ask(request, new AbortController().signal)) as unknown
      let newTokens = 0
      for await (const event of events as AsyncIterable<AnswerEvent>) {
        if (event.type === 'done') newTokens = event.stats.newTokens
      }
      expect(newTokens).toBe(maxNewTokens)
      bytes.push(bytesOf(await takeReads('language')))
    }
    const [two = 0, four = 0] = bytes
    expect(two).toBeGreaterThan(0)
    const base = (await (await fetch(new URL('../tiny-base/base.json', packUrl))).json()) as {
      architecture: { vocabSize: number }
    }
    expect((four - two) / 2).toBeLessThanOrEqual(float * base.architecture.vocabSize)
  } finally {
    worker.terminate()
  }
})
