import { expect, test, vi } from 'vitest'
import { samplePack as pack, sampleMedia, unseenClip } from '../../tests/fixtures/sample'
import type { AnswerEvent, AskRequest, EncodeEvent, EncodeOptions } from '../../workers/protocol'
import type { Clip } from '../clip/reducer'
import { askByParts, momentsIn, partsOf, type Segment, segmentsAsText, withSegment } from './segments'

const media = sampleMedia(9)
const clip: Clip = { ...unseenClip('one', 'a.mp4'), file: new Blob(['x']), status: 'ready', media }

/** Says of each part which moments it was shown. */
function fakeEngine(say: (moments: readonly number[]) => string = (moments) => `saw ${moments.length}`) {
  const held = new Map<string, readonly number[]>()
  const engine = {
    held,
    asked: [] as AskRequest[],
    encode: async function* (
      _source: unknown,
      { clipId, moments = [] }: EncodeOptions,
    ): AsyncGenerator<EncodeEvent, void, undefined> {
      held.set(clipId, moments)
      yield { type: 'opened', media, pack, fromCache: false }
    },
    ask: async function* (request: AskRequest): AsyncGenerator<AnswerEvent, void, undefined> {
      engine.asked.push(request)
      yield { type: 'text', text: ` ${say(held.get(request.clipId ?? '') ?? [])}\n` }
    },
    forget: vi.fn((clipId: string) => void held.delete(clipId)),
  }
  return engine
}
const gather = async (segments: AsyncIterable<Segment>) => {
  const all: Segment[] = []
  for await (const segment of segments) all.push(segment)
  return all
}
const { signal } = new AbortController()

test('parts cover the clip without gap or overlap, neither tiny nor too many', () => {
  for (const duration of [0.5, 2.9, 9, 10, 61, 7200]) {
    const parts = partsOf(duration)
    expect(parts[0]?.start).toBe(0)
    expect(parts.at(-1)?.end).toBe(duration)
    parts.slice(1).forEach((part, index) => {
      expect(part.start).toBe(parts[index]?.end)
    })
    if (parts.length > 1) expect(duration / parts.length).toBeGreaterThanOrEqual(3)
  }
  expect([2, 9, 7200].map((duration) => partsOf(duration).length)).toEqual([1, 3, 12])
  expect(momentsIn({ start: 2, end: 6 }, 2)).toEqual([3, 5])
})

test('each part is seen by its own frames, asked without a history, and let go of', async () => {
  const engine = fakeEngine((moments) => moments.join(' '))
  const segments = await gather(askByParts(engine, clip, 'what?', { temperature: 0 }, signal))
  expect(segments).toEqual([
    { start: 0, end: 3, text: '0.375 1.125 1.875 2.625' },
    { start: 3, end: 6, text: '3.375 4.125 4.875 5.625' },
    { start: 6, end: 9, text: '6.375 7.125 7.875 8.625' },
  ])
  expect(engine.asked.map(({ turns, question, once }) => [turns, question, once])).toEqual(
    Array(3).fill([[], 'what?', true]),
  )
  expect(engine.held.size).toBe(0)
})

test('a walk that is left, or fails, leaves no part behind', async () => {
  const engine = fakeEngine()
  for await (const segment of askByParts(engine, clip, 'what?', {}, signal)) {
    expect(segment.start).toBe(0)
    break
  }
  expect(engine.forget).toHaveBeenCalledTimes(1)
  const gone = () => {
    throw new Error('gone')
  }
  const failing = { ...fakeEngine(), ask: gone }
  await expect(gather(askByParts(failing, clip, 'what?', {}, signal))).rejects.toThrow('gone')
  expect(failing.forget).toHaveBeenCalledTimes(1)
  await expect(gather(askByParts(engine, { ...clip, file: null }, 'what?', {}, signal))).rejects.toThrow('clip-unknown')
})

test('the same words again make a segment longer; the list names where each begins and ends', () => {
  const segments = [
    { start: 0, end: 3, text: 'A dog.' },
    { start: 3, end: 6, text: 'A dog.' },
    { start: 6, end: 9, text: 'A cat.' },
  ].reduce<Segment[]>(withSegment, [])
  expect(segments).toEqual([
    { start: 0, end: 6, text: 'A dog.' },
    { start: 6, end: 9, text: 'A cat.' },
  ])
  expect(segmentsAsText(segments)).toBe('- 0:00–0:06: A dog.\n- 0:06–0:09: A cat.')
})
