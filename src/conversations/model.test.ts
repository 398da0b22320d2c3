import { expect, test } from 'vitest'
import {
  type Conversation,
  type ConversationAction,
  conversationReducer,
  isEmpty,
  newConversation,
  summariesWith,
  titleOf,
} from './model'

const ask = (question: string): ConversationAction => ({
  type: 'chat',
  action: { type: 'asked', turnId: question, question, about: null, at: 1 },
})
const add: ConversationAction = {
  type: 'clips',
  action: { type: 'added', id: 'c', name: 'holiday.mp4', file: new Blob(), active: true },
}
const run = (...actions: ConversationAction[]): Conversation =>
  actions.reduce((state, action, index) => conversationReducer(state, action, 10 + index), newConversation('a', 1))

test('the title is the given name, else the first question, else the first clip', () => {
  expect(titleOf(run())).toBeNull()
  expect(titleOf(run(add))).toBe('holiday.mp4')
  expect(titleOf(run(add, ask('Who\n is it?')))).toBe('Who is it?')
  expect(titleOf(run(add, ask('Who?'), { type: 'named', name: ' Beach ' }))).toBe('Beach')
  expect(titleOf(run(add, { type: 'named', name: 'Beach' }, { type: 'named', name: '  ' }))).toBe('holiday.mp4')
})

test('a long title is cut at a word, or anywhere where there are no words', () => {
  expect(titleOf(run(ask(`${'word '.repeat(20)}end`)))).toMatch(/^(word ){10,11}word…$/)
  const chinese = titleOf(run(ask('这'.repeat(80))))
  expect([...(chinese ?? '')]).toHaveLength(60)
  // Not in the middle of a character of two units.
  expect(titleOf(run(ask('🐕'.repeat(80))))).toBe(`${'🐕'.repeat(59)}…`)
})

test('questions and clips move the date on; progress and a new name do not', () => {
  const talked = run(add, ask('Who?'))
  expect(talked.updatedAt).toBe(11)
  const progress: ConversationAction = { type: 'chat', action: { type: 'sent', turnId: 'Who?', pack: null } }
  expect(conversationReducer(talked, progress, 99).updatedAt).toBe(11)
  expect(conversationReducer(talked, { type: 'named', name: 'x' }, 99).updatedAt).toBe(11)
})

test('an action that changes nothing gives the same state, so that nothing is drawn or stored for it', () => {
  const state = run(add)
  const gone: ConversationAction = { type: 'clips', action: { type: 'removed', id: 'other', show: null } }
  expect(conversationReducer(state, gone, 99)).toBe(state)
})

test('the list is newest first, holds no empty conversation, and stays the same where nothing shows', () => {
  const old = { id: 'old', title: 'Old', updatedAt: 5 }
  expect(summariesWith([old], run())).toEqual([old])
  const list = summariesWith([old], run(ask('New?')))
  expect(list.map(({ title }) => title)).toEqual(['New?', 'Old'])
  expect(summariesWith(list, run(ask('New?')))).toBe(list)
  expect(summariesWith(list, newConversation('a', 1))).toEqual([old])
  expect(isEmpty(run(add))).toBe(false)
})
