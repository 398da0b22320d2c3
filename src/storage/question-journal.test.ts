import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MemoryStorage } from '../../tests/fixtures/memory-storage'
import { samplePack as pack } from '../../tests/fixtures/sample'
import { about, asked, chat, clips, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import { type Conversation, newConversation } from '../conversations/model'
import { type AskedQuestion, askedKeyStart, QuestionJournal, withQuestion } from './question-journal'

let storage: MemoryStorage

beforeEach(() => {
  storage = new MemoryStorage()
  vi.stubGlobal('localStorage', storage)
})
afterEach(() => void vi.unstubAllGlobals())

/** A journal that saw a conversation become what it is, and another, as the next visit has it. */
function visits(...states: readonly Conversation[]) {
  const journal = new QuestionJournal()
  for (const [at, state] of states.entries()) journal.note(state, states[at - 1], at === 0)
  return { journal, next: new QuestionJournal() }
}
const questions = (journal: QuestionJournal) => journal.left().map(({ question }) => question)
const edited = (turnId: string, question: string) => chat({ type: 'asked-anew', turnId, question, about })
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

test('a question is noted at once, each under a key of its own, and the next visit finds them oldest first', () => {
  const start = run(opened)
  const later = chat({ type: 'asked', turnId: 'z', question: 'later?', about: null, at: 7, byParts: true })
  const { journal, next } = visits(start, run([later], start), run([later, asked('a')], start))
  expect(Object.keys(storage)).toEqual([`${askedKeyStart}z`, `${askedKeyStart}a`])
  expect(next.left()).toEqual([
    { ...left(), turnId: 'a', question: 'a?', askedAt: 5, updatedAt: 10 },
    { ...left(), turnId: 'z', question: 'later?', askedAt: 7, updatedAt: 10, clipId: null, byParts: true },
  ])
  // To the tab itself they are not left over.
  expect(journal.left()).toEqual([])
})

test('a stored state takes away what was asked until then, not what was asked after', () => {
  const one = run([...opened, asked('a')])
  const two = run([asked('b')], one)
  const { journal, next } = visits(one, two)
  // Its answer going on does not make the question newer.
  const three = run([chat({ type: 'sent', turnId: 'b', pack })], two)
  journal.note(three, two, false)
  journal.stored(one)
  expect(questions(next)).toEqual(['b?'])
  journal.stored(two)
  expect(questions(next)).toEqual([])
  expect(Object.keys(storage)).toEqual([])
})

test('answers, clips and repeated questions are not noted', () => {
  const one = run([...opened, asked('a'), finished('a')])
  const repeated = run([edited('a', 'a?')], one)
  const { next } = visits(one, repeated, run([finished('a', 'other')], repeated))
  expect(next.left()).toEqual([])
})

test('what becomes of a question before it is stored is noted too: edited, about a clip, taken back, gone', () => {
  const start = newConversation('talk', 1)
  const one = run([chat({ type: 'asked', turnId: 'a', question: 'a?', about: null, at: 5 })], start)
  const two = run([clips({ type: 'added', id: 'clip', name: 'holiday.mp4', file: new Blob(), active: true })], one)
  const three = run([chat({ type: 'clip-opened', ...about })], two)
  const four = run([edited('a', 'other?')], three)
  const { journal, next } = visits(start, one, two, three, four)
  expect(next.left()).toMatchObject([{ question: 'other?', clipId: 'clip', stopped: false, fresh: false }])
  // Stored as it was before the edit: that is still to come.
  journal.stored(three)
  expect(questions(next)).toEqual(['other?'])
  const five = run([stopped('a')], four)
  journal.note(five, four, false)
  expect(next.left()).toMatchObject([{ question: 'other?', stopped: true }])
  journal.note(run([chat({ type: 'cleared' })], five), five, false)
  expect(next.left()).toEqual([])
})

test('with a conversation its questions go, those of other tabs as well', () => {
  visits(run([asked('a')]))
  visits(run([asked('b')], newConversation('other', 1)))
  const { journal } = visits(newConversation('empty', 1))
  journal.deleted('talk')
  expect(questions(journal)).toEqual(['b?'])
})

test('without storage, or where it is full or damaged, everything goes on', () => {
  storage.setItem(`${askedKeyStart}x`, '{"question":')
  storage.setItem(`${askedKeyStart}y`, '{"question":5}')
  storage.setItem('valley.settings', '{}')
  expect(new QuestionJournal().left()).toEqual([])
  const refuse = () => {
    throw new DOMException('', 'QuotaExceededError')
  }
  vi.stubGlobal('localStorage', { setItem: refuse, getItem: refuse, removeItem: refuse })
  const talk = run([asked('a')])
  const { journal, next } = visits(newConversation('talk', 1), talk)
  journal.stored(talk)
  journal.deleted('talk')
  expect(next.left()).toEqual([])
  vi.stubGlobal('localStorage', undefined)
  visits(talk).journal.stored(talk)
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
