/** From a clip to the captions that are quoted for it, and from texts to vectors, through the worker on both backends. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPack } from '../../workers/packs/source'
import type { Backend, LedgerSnapshot } from '../../workers/protocol'
import golden from '../fixtures/tiny/golden.json'
import { floats, tinyPackUrl } from './language-tiny'
import { largestGap } from './largest-gap'
import {
  codeOf,
  type Encoded,
  encodeFile,
  fetchFile,
  restingLedger,
  startVision,
  type VisionWorker,
} from './vision-support'

const { retrieval } = golden
const size = 16
const clipUrl = '/tests/fixtures/clips/vp9.webm'
const never = new AbortController().signal

async function load(vision: VisionWorker, backend: Backend, pack = retrieval.pack) {
  await vision.api.load(
    { packUrl: tinyPackUrl(pack), backend },
    Comlink.proxy(() => undefined),
  )
}

/** The rule worked out from the pack's own files: mean of directions, rank, one caption a picture. */
async function expectedQuotes(frames: Encoded['frames']): Promise<string[]> {
  const { manifest, file } = await openPack(tinyPackUrl(retrieval.pack))
  const store = manifest.captionStore
  if (!store) throw new Error('the pack has no store')
  const lines = new TextDecoder()
    .decode(await file(store.texts))
    .trimEnd()
    .split('\n')
  const codes = new Int8Array((await file(store.vectors)).buffer)
  const mean = Array.from({ length: size }, (_, column) =>
    frames.reduce((sum, { vector }) => sum + (vector[column] ?? Number.NaN) / Math.hypot(...vector), 0),
  )
  const ranking = lines.map((line, at) => {
    const [picture, caption = ''] = line.split('\t')
    const score = mean.reduce((sum, value, column) => sum + value * (codes[at * size + column] ?? Number.NaN), 0)
    return { picture, caption, score }
  })
  ranking.sort((a, b) => b.score - a.score)
  const once = ranking.filter(({ picture }, at) => ranking.findIndex((other) => other.picture === picture) === at)
  return once.slice(0, store.quotes).map(({ caption }) => caption)
}

describe.each<Backend>(['webgpu', 'wasm'])('%s', (backend) => {
  let vision: VisionWorker
  let resting: LedgerSnapshot
  beforeAll(async () => {
    vision = startVision()
    await load(vision, backend)
    resting = await restingLedger(vision)
  }, 120_000)
  afterAll(() => vision.end())

  test('a clip comes with vectors of length 1 and the captions nearest to it', async () => {
    expect(resting).toMatchObject({ 'caption-store': 1, session: 1 })
    const { frames, tokens } = await encodeFile(vision, await fetchFile(clipUrl))
    for (const { vector } of frames) {
      expect(vector).toHaveLength(size)
      expect(Math.hypot(...vector)).toBeCloseTo(1, 4)
    }
    expect(tokens.quotes).toHaveLength(3)
    expect(tokens.quotes).toEqual(await expectedQuotes(frames))
    await expect.poll(() => vision.api.ledger()).toEqual(resting)
  })

  test("texts become the reference's vectors, in their order, however they are batched", async () => {
    const { texts, vectors } = retrieval.texts
    const got = await vision.api.embedTexts(texts, never)
    expect(largestGap(got, floats(vectors))).toBeLessThan(1e-5)
    await expect.poll(() => vision.api.ledger()).toEqual({ ...resting, session: 2 })

    const many = Array.from({ length: 50 }, (_, at) => texts[(at * 5) % texts.length] as string)
    const all = await vision.api.embedTexts(many, never)
    const row = (from: Float32Array, at: number) => from.subarray(at * size, (at + 1) * size)
    for (const [at, text] of many.entries()) {
      expect(largestGap(row(all, at), row(got, texts.indexOf(text)))).toBeLessThan(1e-5)
    }
    expect(await vision.api.embedTexts([], never)).toHaveLength(0)
    expect(await codeOf(vision.api.embedTexts(texts, AbortSignal.abort()))).toBe('aborted')
    await expect.poll(() => vision.api.ledger()).toEqual({ ...resting, session: 2 })
  })

  test('a pack without these parts quotes nothing and cannot search; what the other held is let go', async () => {
    await load(vision, backend, 'tiny-mean')
    const { 'caption-store': _, ...without } = resting
    expect(await restingLedger(vision)).toEqual(without)
    const { frames, tokens } = await encodeFile(vision, await fetchFile('/tests/fixtures/clips/still.png'))
    expect(tokens.quotes).toEqual([])
    expect(frames[0]?.vector).toHaveLength(32)
    expect(await codeOf(vision.api.embedTexts(['A dog runs.'], never))).toBe('no-text-tower')
    await load(vision, backend)
    expect(await restingLedger(vision)).toEqual(resting)
  })
})
