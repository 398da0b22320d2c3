/** Packs of the hub in both workers: looked at, pooled, answered. Tiny random models, held to PyTorch in float32. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { packFilesCache } from '../../workers/protocol'
import { caseOf } from '../fixtures/hub-reference'
import { answer, asked, type Both, download, hubReference, openBoth, pictures, refusalsOf, see } from './hub-tiny'
import { emptyStorage, recordsKept } from './kept-storage'

const opened: Both[] = []
async function open(...call: Parameters<typeof openBoth>): Promise<Both> {
  const both = await openBoth(...call)
  opened.push(both)
  return both
}

beforeEach(emptyStorage)
afterEach(() => {
  for (const both of opened.splice(0)) both.end()
})

const families = ['smolvlm', 'llava-onevision', 'lfm2-vl', 'fastvlm'] as const

describe.each(families)('%s in float32', (family) => {
  test('says what PyTorch says: a picture, a clip in its own way, pooled, and asked again; and leaves nothing', async () => {
    await download(`tiny/${family}-f32`)
    const reference = await hubReference(family)
    const frames = await pictures(reference)
    const both = await open(`tiny/${family}-f32`)
    expect(both.info).toMatchObject({
      vision: { backend: 'wasm', embedsTexts: false, packId: `hub:tiny/${family}-f32` },
      language: { backend: 'wasm', maxBeams: 1 },
    })
    const atRest = await both.language.ledger()
    const seen = new Set<string>()
    for (const one of reference.cases) {
      const pooling = one.pooling === 'none' ? 'own' : 'mean'
      const clipId = `${one.frames.join()}-${pooling}`
      if (!seen.has(clipId)) {
        const source = one.frames.flatMap((frame) => frames[frame] ?? [])
        const clip = await see(both, source, { clipId, name: 'frames', pooling })
        expect(clip).toMatchObject({ pooling, frameTokens: pooling === 'mean' ? one.frames.length : 0 })
        seen.add(clipId)
      }
      const { ids, stats } = await answer(both, asked(one, clipId))
      expect({ [one.name]: ids }).toEqual({ [one.name]: one.tokens })
      expect(stats.promptTokens).toBe(one.inputIds.length)
    }
    for (const clipId of seen) await both.language.forget(clipId)
    await expect.poll(() => both.language.ledger()).toEqual(atRest)
    await expect.poll(() => both.vision.ledger()).toEqual({ session: 1 })
  })
})

describe('smolvlm', () => {
  const family = 'smolvlm'
  const again = async () => {
    const reference = await hubReference(family)
    return { frames: await pictures(reference), one: (name: string) => caseOf(reference, name) }
  }

  test('a second question costs its own text; a stop is heard, and what follows is as if there had been none', async () => {
    await download(`tiny/${family}-f32`)
    const { frames, one } = await again()
    const both = await open(`tiny/${family}-f32`)
    await see(both, frames, { clipId: 'a', name: 'frames', pooling: 'own' })
    const stop = new AbortController()
    const long = { ...asked(one('clip'), 'a'), options: { maxNewTokens: 400, temperature: 0 } }
    const events = both.language.ask(long, stop.signal) as unknown as Promise<AsyncIterable<{ type: string }>>
    const cut = (async () => {
      for await (const { type } of await events) if (type === 'text') stop.abort()
    })()
    await expect(cut).rejects.toMatchObject({ code: 'aborted' })
    const first = await answer(both, asked(one('clip'), 'a'))
    expect(first.ids).toEqual(one('clip').tokens)
    expect(first.stats.reusedTokens).toBeGreaterThan(64)
    const second = await answer(both, asked(one('clip-again'), 'a'))
    expect(second.ids).toEqual(one('clip-again').tokens)
    expect(second.stats.reusedTokens).toBeGreaterThan(64)
  })

  test('what was seen of a clip is kept, each way of pooling for itself, and so is what it begins a prompt with', async () => {
    await download(`tiny/${family}-f32`)
    const { frames, one } = await again()
    const first = await open(`tiny/${family}-f32`, { keepClips: true })
    const options = { clipId: 'a', name: 'frames' }
    expect(await see(first, frames, { ...options, pooling: 'mean' })).toMatchObject({ fromCache: false })
    await answer(first, asked(one('clip-mean'), 'a'))
    await recordsKept('prefixes', 1)
    // The record is written behind the last event, and the next one waits for it.
    expect(await see(first, frames, { ...options, pooling: 'mean' })).toMatchObject({ fromCache: true })
    first.end()
    const later = await open(`tiny/${family}-f32`, { keepClips: true })
    expect(await see(later, frames, { ...options, pooling: 'mean' })).toMatchObject({
      fromCache: true,
      pooling: 'mean',
    })
    const { ids, stats } = await answer(later, asked(one('clip-mean'), 'a'))
    expect(ids).toEqual(one('clip-mean').tokens)
    expect(stats.reusedTokens).toBeGreaterThanOrEqual(20)
    // Another way, and the catalogue's default where none is said.
    expect(await see(later, frames, { ...options, pooling: 'importance' })).toMatchObject({
      fromCache: false,
      patchTokens: 16,
      frameTokens: 4,
    })
    expect(await see(later, frames, options)).toMatchObject({ pooling: 'own', patchTokens: 64, frameTokens: 0 })
    expect((await answer(later, asked(one('clip'), 'a'))).ids).toEqual(one('clip').tokens)
  })

  test('without a clip it talks, and looks for no text tower', async () => {
    await download(`tiny/${family}`)
    const both = await open(`tiny/${family}`)
    const { one } = await again()
    const request = { ...asked(one('image'), 'a'), clipId: null }
    const { stats } = await answer(both, request)
    expect(stats.newTokens).toBeGreaterThan(0)
    await expect(both.vision.embedTexts(['a ball'], new AbortController().signal)).rejects.toMatchObject({
      code: 'no-text-tower',
    })
  })
})

describe('in eight bits, as the processor takes it', () => {
  test.each(['smolvlm', 'lfm2-vl'])('%s answers about a clip', async (family) => {
    await download(`tiny/${family}`)
    const reference = await hubReference(family)
    const both = await open(`tiny/${family}`)
    await see(both, await pictures(reference), { clipId: 'a', name: 'frames', pooling: 'mean' })
    const { ids } = await answer(both, asked(caseOf(reference, 'clip-mean'), 'a'))
    // The fixture's decoder rounds to eight bits; of random weights no more is known than that it answers.
    expect(ids.length).toBeGreaterThan(0)
  })
})

describe('what cannot be loaded says why', () => {
  test('a graph with an operator that the runtime has not', async () => {
    await download('tiny/unknown-operator')
    await expect(open('tiny/unknown-operator')).rejects.toMatchObject({
      code: 'hub-operator',
      data: { operator: 'NoSuchOperator' },
    })
  })

  test('files of 16 bits that were fetched for a graphics card which is not here; others of that commit come in their place', async () => {
    const repository = 'tiny/smolvlm'
    await download(repository, { card: true })
    const refusal = { code: 'hub-other-device', data: { repository, feature: 'webgpu' } }
    expect(await refusalsOf(repository)).toMatchObject([refusal, refusal])
    const kept = async () => (await (await caches.open(packFilesCache)).keys()).length
    const before = await kept()
    await download(repository)
    expect(await kept()).toBe(before)
    const both = await open(repository)
    expect(both.info).toMatchObject({ vision: { backend: 'wasm' }, language: { backend: 'wasm' } })
  })

  test('a file that the browser has let go of, and a repository that was never here', async () => {
    await download('tiny/smolvlm')
    const cache = await caches.open(packFilesCache)
    for (const request of await cache.keys()) {
      const { headers } = (await cache.match(request)) ?? new Response()
      if (Number(headers.get('Content-Length')) > 100_000) await cache.delete(request)
    }
    await expect(open('tiny/smolvlm')).rejects.toMatchObject({ code: 'download-failed', data: { status: 404 } })
    await expect(open('tiny/never')).rejects.toMatchObject({
      code: 'download-failed',
      data: { url: 'hub:tiny/never', status: 404 },
    })
  })
})
