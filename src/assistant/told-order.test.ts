import { expect, test } from 'vitest'
import { ask, encode, failure, never, world } from '../../tests/fixtures/engine-world'
import { sampleStats } from '../../tests/fixtures/sample'
import { type AnswerEvent, type AskRequest, ValleyError } from '../../workers/protocol'
import { SeenFrames } from './seen-frames'
import { askInOrder, tellOrder } from './told-order'

// The stand-in's first frame is what "first" means, its second what "second" means; the language worker shouts what it was asked.
const asked = 'Which comes last, the second thing or the first thing?'
const told = `${asked} Last: The second thing.`

test('a question of two things reaches the language worker with which the frames show first; the answer says so too', async () => {
  const { engine } = world()
  await encode(engine)
  expect(await ask(engine, asked)).toBe(told.toUpperCase())
  const events = []
  for await (const event of engine.ask({ clipId: 'one', turns: [], question: asked }, never())) events.push(event)
  expect(events.at(-1)).toMatchObject({ stats: { order: ['the first thing', 'the second thing'] } })
})

test('nothing is told of another question, without a clip, after it was let go of, or to a pack that did not learn it', async () => {
  const { engine } = world()
  await encode(engine)
  expect(await ask(engine, 'What is first?')).toBe('WHAT IS FIRST?')
  expect(await ask(engine, asked, null)).toBe(asked.toUpperCase())
  const { engine: plain } = world({ plain: true })
  await encode(plain)
  expect(await ask(plain, asked)).toBe(asked.toUpperCase())
})

const vector = (...values: number[]) => Float32Array.from(values)

/** Encodes a clip of these frames, which two towers may finish in any order; returns the way to its last event. */
function encoding(seen: SeenFrames, ...frames: Float32Array<ArrayBuffer>[]): () => void {
  seen.watch('one', { type: 'opened' } as never)
  for (const [index, vector] of [...frames.entries()].reverse()) {
    seen.watch('one', { type: 'frame', index, timestamp: index, thumbnail: new Blob(), vector })
  }
  return () => seen.watch('one', { type: 'encoded' } as never)
}

test('a clip that is encoded again is what it was until all its frames are there, and nothing once it is let go of', () => {
  const seen = new SeenFrames()
  encoding(seen, vector(1, 0), vector(0, 1))()
  expect(seen.of('one')?.frames).toEqual([vector(1, 0), vector(0, 1)])
  const end = encoding(seen, vector(0, 2), vector(2, 0))
  expect(seen.of('one')?.frames).toEqual([vector(1, 0), vector(0, 1)])
  end()
  expect(seen.of('one')?.frames).toEqual([vector(0, 2), vector(2, 0)])
  seen.forget('one')
  expect(seen.of('one')).toBeUndefined()
})

const clip = () => ({ frames: [vector(1, 0), vector(0, 1)], told: new Map() })
const question = 'Which comes first, a or b?'

test('earlier questions are told the same again, and looked for once', async () => {
  let looked = 0
  const embed = async () => {
    looked += 1
    return vector(1, 0, 0, 1)
  }
  const requests: AskRequest[] = []
  async function* worker(request: AskRequest): AsyncGenerator<AnswerEvent, void, undefined> {
    requests.push(request)
    yield { type: 'done', reason: 'end', ids: [], stats: sampleStats }
  }
  const seen = clip()
  for (const request of [
    { clipId: 'one', turns: [], question },
    { clipId: 'one', turns: [{ question, answer: 'A.' }], question: 'And why?' },
  ]) {
    for await (const _ of askInOrder(seen, request, embed, { ask: worker }, never()));
  }
  const words = `${question} First: A.`
  expect(requests.map((request) => request.question)).toEqual([words, 'And why?'])
  expect(requests[1]?.turns).toEqual([{ question: words, answer: 'A.' }])
  expect(looked).toBe(1)
})

test('where words cannot be compared the question is asked as it is; a stop is a stop', async () => {
  const failing = (code: 'download-failed' | 'aborted') => async () => {
    throw new ValleyError(code)
  }
  expect(await tellOrder(clip(), question, failing('download-failed'), never())).toEqual({ question })
  expect(await failure(tellOrder(clip(), question, failing('aborted'), never()))).toBe('aborted')
})
