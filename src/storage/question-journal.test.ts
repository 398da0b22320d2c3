import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { MemoryStorage } from '../../tests/fixtures/memory-storage'
import { samplePack as pack } from '../../tests/fixtures/sample'
import { about, asked, chat, clips, finished, opened, run } from '../../tests/fixtures/sample-conversation'
import { type Conversation, newConversation } from '../conversations/model'
import { type AskedQuestion, askedKeyStart, QuestionJournal } from './question-journal'

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
/** What is noted for a visit. */
const noted = (journal: QuestionJournal): AskedQuestion[] =>
  journal.left().map((key) => JSON.parse(storage.getItem(key) ?? ''))
const questions = (journal: QuestionJournal) => noted(journal).map(({ question }) => question)
const edited = (turnId: string, question: string) => chat({ type: 'asked-anew', turnId, question, about })
const stopped = (turnId: string) => chat({ type: 'stopped', turnId, answer: '' })

test('a question is noted at once, each under a key of its own, and left to the next visit', () => {
  const start = run(opened)
  const later = chat({ type: 'asked', turnId: 'z', question: 'later?', about: null, at: 7, byParts: true })
  const { journal, next } = visits(start, run([later], start), run([later, asked('a')], start))
  expect(next.left()).toEqual([`${askedKeyStart}talk.z`, `${askedKeyStart}talk.a`])
  const both = { conversationId: 'talk', updatedAt: 10, stopped: false, fresh: false }
  expect(noted(next)).toEqual([
    { ...both, turnId: 'z', question: 'later?', askedAt: 7, clipId: null, byParts: true },
    { ...both, turnId: 'a', question: 'a?', askedAt: 5, clipId: 'clip', byParts: false },
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
  expect(noted(next)).toMatchObject([{ question: 'other?', clipId: 'clip', stopped: false, fresh: false }])
  // Stored as it was before the edit: that is still to come.
  journal.stored(three)
  expect(questions(next)).toEqual(['other?'])
  const five = run([stopped('a')], four)
  journal.note(five, four, false)
  expect(noted(next)).toMatchObject([{ question: 'other?', stopped: true }])
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

test('without storage, or where it is full, everything goes on', () => {
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
