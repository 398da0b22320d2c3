/** What leaves the GPU on the route of a real one: visual tokens, CLIP vectors, small thumbnails, logits of one position. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnswerEvent, LanguageApi } from '../../workers/protocol'
import { type Read, takeReads } from '../tools/readback/instrument'
import { withThreads } from './app-worker'
import { tinyPackUrl } from './language-tiny'
import { encodeFile, fetchFile, type VisionWorker } from './vision-support'

const float = 4
/** Both are 320x180: twice as wide as a thumbnail. */
const clips = ['/tests/fixtures/clips/vp9.webm', '/tests/fixtures/clips/h264-edit-list.mp4']
const packUrl = tinyPackUrl('tiny-delta')
const unheard = () => Comlink.proxy(() => undefined)

let vision: VisionWorker
beforeAll(async () => {
  const worker = withThreads(
    new Worker(new URL('../tools/readback/vision.worker.ts', import.meta.url), { type: 'module' }),
  )
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

test('an answer brings back the chosen tokens, and neither logits nor keys nor values', async () => {
  const worker = withThreads(
    new Worker(new URL('../tools/readback/language.worker.ts', import.meta.url), { type: 'module' }),
  )
  try {
    const api = Comlink.wrap<LanguageApi>(worker)
    await api.load({ packUrl, backend: 'webgpu' }, unheard())
    for (const { repetitionPenalty, beams } of [
      { repetitionPenalty: 1, beams: 1 },
      { repetitionPenalty: 1.3, beams: 1 },
      { repetitionPenalty: 1.3, beams: 3 },
    ]) {
      await takeReads('language')
      const options = { temperature: 0, maxNewTokens: 6, repetitionPenalty, beams }
      const request = { clipId: null, turns: [], question: 'What is it?', options }
      const events = (await api.ask(request, new AbortController().signal)) as unknown
      let ids: readonly number[] = []
      for await (const event of events as AsyncIterable<AnswerEvent>) if (event.type === 'done') ({ ids } = event)
      const reads = await takeReads('language')
      if (beams > 1) {
        // One row for the prompt, then three: three candidates and the weight of all, and what each beam said.
        for (const { bytes } of reads) expect(bytes).toBeLessThanOrEqual(beams * float * (2 * beams + 1 + ids.length))
        continue
      }
      // The token; with a penalty, where some were said before, its logit and theirs too, each once.
      const words = (said: number) => (repetitionPenalty === 1 || said === 0 ? 1 : 2 + said)
      const expected = ids.map((_, at) => float * words(new Set(ids.slice(0, at)).size))
      expect(reads.map(({ bytes }) => bytes)).toEqual(expected)
    }
  } finally {
    worker.terminate()
  }
})
