import { afterEach, expect, test, vi } from 'vitest'
import { MemoryStorage } from '../../tests/fixtures/memory-storage'
import { asked, chat, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import type { Conversation } from '../conversations/model'
import { type AskedQuestion, askedKeyStart } from './question-journal'
import { putInPlace, withQuestion } from './questions-left'

afterEach(() => void vi.unstubAllGlobals())

const stopped = (turnId: string) => chat({ type: 'stopped', turnId, answer: '' })
const left = (more: Partial<AskedQuestion> = {}): AskedQuestion => ({
  conversationId: 'talk',
  turnId: 'b',
  question: 'b?',
  askedAt: 20,
  updatedAt: 20,
  clipId: 'clip',
  byParts: false,
  stopped: false,
  fresh: false,
  ...more,
})

test('what was left comes in the order in which it was asked; what is damaged goes, what finds no room stays', async () => {
  const storage = new MemoryStorage()
  vi.stubGlobal('localStorage', storage)
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const note = (name: string, value: string) => storage.setItem(askedKeyStart + name, value)
  note('talk.b', JSON.stringify(left({ fresh: true })))
  note('talk.a', JSON.stringify(left({ turnId: 'a', question: 'a?', askedAt: 10, fresh: true })))
  note('talk.x', '{"question":')
  note('talk.y', '{"question":5}')
  note('full.b', JSON.stringify(left({ conversationId: 'full', fresh: true })))
  let talk: Conversation | null = null
  const amend = async (id: string, change: (stored: Conversation | null) => Conversation | null) => {
    if (id === 'full') throw new DOMException('', 'QuotaExceededError')
    talk = change(talk)
  }
  // Another tab has stored it, or deleted its conversation, since the keys were read.
  await putInPlace([...Object.keys(storage), `${askedKeyStart}talk.gone`], { amend })
  expect((talk as Conversation | null)?.chat.turns.map(({ question }) => question)).toEqual(['a?', 'b?'])
  expect(Object.keys(storage)).toEqual([`${askedKeyStart}full.b`])
  expect(console.warn).toHaveBeenCalledOnce()
  vi.restoreAllMocks()
})

test('a question that was left comes after the others and waits', () => {
  const stored = run([...opened, asked('a'), finished('a')])
  const talk = withQuestion(stored, left())
  expect(talk?.chat.turns).toMatchObject([
    { id: 'a', status: 'done' },
    {
      id: 'b',
      question: 'b?',
      status: 'waiting',
      askedAt: 20,
      clipId: 'clip',
      clipName: 'holiday.mp4',
      segments: null,
    },
  ])
  expect(talk?.updatedAt).toBe(20)
  // What was done in it after that counts.
  expect(withQuestion({ ...stored, updatedAt: 30 }, left({ byParts: true }))).toMatchObject({
    updatedAt: 30,
    chat: { turns: [{}, { segments: [] }] },
  })
})

test('a question begins its conversation where nothing of that was stored; one whose conversation was deleted does not', () => {
  const talk = withQuestion(null, left({ fresh: true }))
  // Its clip is not there either: the question waits for one.
  expect(talk).toMatchObject({ id: 'talk', createdAt: 20, updatedAt: 20, clips: { order: [] } })
  expect(talk?.chat.turns).toMatchObject([{ id: 'b', status: 'waiting', clipId: null, clipName: null }])
  expect(withQuestion(null, left())).toBeNull()
})

test('an edited question takes the place of the stored one, whose answer stays at hand', () => {
  const stored = run([...opened, asked('a'), finished('a'), asked('b'), finished('b'), asked('c'), finished('c')])
  const turns = withQuestion(stored, left({ question: 'other?' }))?.chat.turns
  expect(turns?.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  expect(turns?.[1]).toMatchObject({
    question: 'other?',
    status: 'waiting',
    before: { question: 'b?', answer: 'b!', status: 'done' },
  })
  // Taken back, everything is as it was.
  expect(withQuestion(stored, left({ question: 'other?', stopped: true }))?.chat.turns).toEqual(stored.chat.turns)
})

test('a question that was taken back waits no more', () => {
  const stored = run(opened)
  expect(withQuestion(stored, left({ stopped: true }))?.chat.turns).toMatchObject([
    { question: 'b?', status: 'stopped' },
  ])
  const waiting = run([asked('b')], stored)
  expect(withQuestion(waiting, left({ stopped: true }))?.chat.turns).toMatchObject([{ status: 'stopped' }])
})

test('a question that is stored after all, answered or not, stays as it is', () => {
  for (const actions of [[asked('b')], [asked('b'), finished('b')], [asked('b'), stopped('b')]]) {
    expect(withQuestion(run([...opened, ...actions]), left())).toBeNull()
  }
})
