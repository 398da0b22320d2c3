/** Words that are looked for while a clip is being looked at do not wait for its end. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EncodeEvent } from '../../workers/protocol'
import { tinyPackUrl } from './language-tiny'
import { fetchFile, startVision, type VisionWorker } from './vision-support'

const never = new AbortController().signal
let vision: VisionWorker

beforeAll(async () => {
  vision = startVision()
  await vision.api.load(
    { packUrl: tinyPackUrl('tiny-retrieval'), backend: 'wasm' },
    Comlink.proxy(() => undefined),
  )
})
afterAll(() => vision.end())

test('they get their vectors between two frames, and both come out as they would alone', async () => {
  const file = await fetchFile('/tests/fixtures/clips/vp9.webm')
  const moments = Array.from({ length: 24 }, (_, at) => (at + 0.5) / 8)
  const options = { clipId: 'a', name: file.name, moments }
  // The text tower is opened by whoever needs it first.
  await vision.api.embedTexts(['a cat'], never)
  const vectors: Float32Array[][] = []
  const order: string[] = []
  const asked: Promise<Float32Array>[] = []
  for (const disturbed of [false, true]) {
    const events = (await vision.api.encode(file, options, never)) as unknown as AsyncIterable<EncodeEvent>
    const seen: Float32Array[] = []
    for await (const event of events) {
      if (disturbed) order.push(event.type)
      if (event.type !== 'frame') continue
      seen.push(event.vector)
      if (!disturbed || event.index > 0) continue
      const words = vision.api.embedTexts(['a dog runs'], never)
      asked.push(words)
      void words.then(() => order.push('words'))
    }
    vectors.push(seen)
  }
  const [during] = await Promise.all(asked)
  expect(order.indexOf('words')).toBeGreaterThan(order.indexOf('frame'))
  expect(order.indexOf('words')).toBeLessThan(order.lastIndexOf('frame'))
  expect(vectors[1]).toEqual(vectors[0])
  expect(during).toEqual(await vision.api.embedTexts(['a dog runs'], never))
})
