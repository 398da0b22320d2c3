import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type EncodeEvent, type EncodeOptions, ValleyError } from '../../workers/protocol'
import { MomentSearch } from './moment-search'
import { unrelatedCaptions } from './unrelated'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** Frames look like their time: [cos, sin] of a quarter turn over the clip; the third axis is for what is not in it. */
const duration = 10
const look = (timestamp: number) => {
  const angle = (timestamp / duration) * (Math.PI / 2)
  return Float32Array.of(Math.cos(angle), Math.sin(angle), 0)
}
const frameAt = (timestamp: number) => ({ timestamp, vector: look(timestamp) })
const meanings: Record<string, Float32Array> = { start: look(0), end: look(duration), middle: look(5) }
const other = Float32Array.of(0.1, 0.1, 0.99)

function open() {
  const asked: string[][] = []
  const held = new Set<string>()
  const engine = {
    embedTexts: vi.fn(async (texts: readonly string[], signal: AbortSignal) => {
      asked.push([...texts])
      if (texts[0] === 'fails') throw new ValleyError('no-text-tower')
      await new Promise((resolve) => setTimeout(resolve, 50))
      if (signal.aborted) throw new ValleyError('aborted')
      return Float32Array.from(texts.flatMap((text) => [...(meanings[text] ?? other)]))
    }),
    encode: vi.fn(async function* (
      _file: unknown,
      { clipId, moments = [] }: EncodeOptions,
      signal: AbortSignal,
    ): AsyncGenerator<EncodeEvent, void, undefined> {
      held.add(clipId)
      for (const [index, timestamp] of moments.entries()) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        if (signal.aborted) throw new ValleyError('aborted')
        yield { type: 'frame', index, timestamp, thumbnail: new Blob(), vector: look(timestamp) }
      }
    }),
    forget: (clipId: string) => void held.delete(clipId),
  }
  const search = new MomentSearch(engine, { id: 'one', name: 'a.mp4', duration })
  return { search, engine, asked, held }
}
const points = (search: MomentSearch) => search.getSnapshot().result?.points ?? []

test('words rank the frames there are, then those of a closer look, a few at a time', async () => {
  const { search, engine, held } = open()
  search.take([1, 5, 9].map(frameAt), new Blob(['x']))
  search.search('middle')
  await vi.advanceTimersByTimeAsync(310)
  expect(points(search).map(({ timestamp }) => timestamp)).toEqual([1, 5, 9])
  expect(search.getSnapshot().result).toMatchObject({ best: 1, peaks: [1] })
  await vi.advanceTimersByTimeAsync(1000)
  // Twenty at two a second and the three there were.
  expect(points(search).length).toBe(23)
  expect(engine.encode.mock.calls.map(([, { moments }]) => moments?.length)).toEqual([8, 8, 4])
  expect(search.getSnapshot().looking).toEqual({ done: 20, total: 20 })
  expect(held.size).toBe(0)
  search.search('end')
  await vi.advanceTimersByTimeAsync(400)
  expect(search.getSnapshot().result?.best).toBe(22)
  expect(engine.encode).toHaveBeenCalledTimes(3)
})

test('what chance reaches comes from unrelated captions, embedded once', async () => {
  const { search, asked } = open()
  search.take([1, 5].map(frameAt), null)
  search.search('start')
  await vi.advanceTimersByTimeAsync(400)
  search.search('end')
  await vi.advanceTimersByTimeAsync(400)
  expect(asked.map(({ length }) => length)).toEqual([1 + unrelatedCaptions.length, 1])
  const { chance = 0, usual = 0, points: found = [] } = search.getSnapshot().result ?? {}
  expect(chance).toBeLessThan(found[1]?.similarity ?? 0)
  expect(usual).toBeLessThanOrEqual(chance)
})

test('words that are typed on take the place of those before, which never show', async () => {
  const { search, asked } = open()
  search.take([1, 9].map(frameAt), null)
  search.search('s')
  await vi.advanceTimersByTimeAsync(100)
  search.search('start')
  await vi.advanceTimersByTimeAsync(270)
  // On its way, and stale before it is back.
  search.search('end')
  await vi.advanceTimersByTimeAsync(40)
  expect(search.getSnapshot().result).toBeNull()
  await vi.advanceTimersByTimeAsync(400)
  expect(asked.map(([first]) => first)).toEqual(['start', 'end'])
  expect(search.getSnapshot()).toMatchObject({ status: 'found', phrase: 'end', result: { best: 1 } })
  search.search(' ')
  expect(search.getSnapshot()).toMatchObject({ status: 'idle', result: null })
})

test('a pack that cannot search says so; closing ends a closer look and lets go of it', async () => {
  const { search, held, engine } = open()
  search.take([1].map(frameAt), new Blob(['x']))
  search.search('fails')
  await vi.advanceTimersByTimeAsync(400)
  expect(search.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'no-text-tower' }, result: null })
  search.search('start')
  await vi.advanceTimersByTimeAsync(330)
  expect(held.size).toBe(1)
  search.close()
  await vi.advanceTimersByTimeAsync(1000)
  expect(held.size).toBe(0)
  expect(engine.encode).toHaveBeenCalledTimes(1)
})
