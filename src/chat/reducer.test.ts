import { expect, test } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import {
  type ChatAction,
  type ChatState,
  chatReducer,
  emptyChat,
  historyBefore,
  lastTurn,
  nextWaiting,
} from './reducer'

const stats = {
  promptTokens: 10,
  reusedTokens: 0,
  newTokens: 3,
  timeToFirstToken: 5,
  prefillMs: 4,
  tokensPerSecond: 20,
  backend: 'wasm',
  droppedTurns: 0,
  beams: 1,
  quotes: [],
} as const

const run = (...actions: ChatAction[]): ChatState => actions.reduce(chatReducer, emptyChat)
const opened = (clipId: string): ChatAction => ({ type: 'clip-opened', clipId, name: `${clipId}.mp4` })
const asked = (turnId: string): ChatAction => ({ type: 'asked', turnId, question: `${turnId}?` })
const finished = (turnId: string): ChatAction => ({
  type: 'finished',
  turnId,
  answer: `${turnId}!`,
  reason: 'end',
  stats,
})
const damaged = new ValleyError('clip-damaged')

test('a question asked before any clip waits, and the first clip takes it', () => {
  const before = run(asked('a'))
  expect(before.sections).toMatchObject([{ clipId: null, turns: [{ status: 'waiting' }] }])
  const after = chatReducer(before, opened('one'))
  expect(after.sections).toHaveLength(1)
  expect(nextWaiting(after)?.section.clipId).toBe('one')
})

test('a second clip begins a section of its own and keeps what was said', () => {
  const state = run(opened('one'), asked('a'), finished('a'), opened('two'), asked('b'))
  expect(state.sections.map(({ clipId, turns }) => [clipId, turns.map(({ id }) => id)])).toEqual([
    ['one', ['a']],
    ['two', ['b']],
  ])
  expect(lastTurn(state)?.id).toBe('b')
})

test('a clip that replaces one not yet asked about leaves no empty section', () => {
  expect(run(opened('one'), opened('two')).sections).toMatchObject([{ clipId: 'two', clipName: 'two.mp4' }])
})

test('where the only clip fails, its questions go back to waiting for another', () => {
  const state = run(asked('a'), opened('one'), { type: 'clip-failed', clipId: 'one', error: damaged, fallback: null })
  expect(state.sections).toMatchObject([{ clipId: null, turns: [{ status: 'waiting' }] }])
})

test('where a later clip fails, its questions fail and the chat goes on with the clip before', () => {
  const fallback = { clipId: 'one', name: 'one.mp4' }
  const fail: ChatAction = { type: 'clip-failed', clipId: 'two', error: damaged, fallback }
  const silent = run(opened('one'), asked('a'), finished('a'), opened('two'), fail)
  expect(silent.sections.map(({ clipId }) => clipId)).toEqual(['one'])
  const spoken = run(opened('one'), asked('a'), finished('a'), opened('two'), asked('b'), fail)
  expect(spoken.sections.map(({ clipId }) => clipId)).toEqual(['one', 'two', 'one'])
  expect(spoken.sections[1]?.turns[0]).toMatchObject({ status: 'failed', error: damaged })
})

test('an answer passes through reading and writing and keeps its figures', () => {
  const steps: ChatAction[] = [
    { type: 'sent', turnId: 'a' },
    { type: 'prefilled', turnId: 'a', done: 4, total: 9 },
    { type: 'writing', turnId: 'a' },
    finished('a'),
  ]
  const states = steps.map((_, index) => lastTurn(run(opened('one'), asked('a'), ...steps.slice(0, index + 1))))
  expect(states.map((turn) => turn?.status)).toEqual(['reading', 'reading', 'writing', 'done'])
  expect(states[1]?.prefill).toEqual({ done: 4, total: 9 })
  expect(states[3]).toMatchObject({ answer: 'a!', stats: { newTokens: 3 } })
})

test('asking again empties the answer and waits anew', () => {
  const state = run(opened('one'), asked('a'), finished('a'), { type: 'asked-again', turnId: 'a' })
  expect(lastTurn(state)).toMatchObject({ question: 'a?', answer: '', status: 'waiting', stats: null })
})

test('the history of a question is what was answered about the same clip before it', () => {
  const state = run(
    opened('one'),
    asked('a'),
    finished('a'),
    asked('b'),
    { type: 'failed', turnId: 'b', answer: 'half', error: damaged },
    asked('c'),
    { type: 'stopped', turnId: 'c', answer: 'so far' },
    asked('d'),
    { type: 'stopped', turnId: 'd', answer: '' },
    asked('e'),
  )
  expect(historyBefore(state, 'e')).toEqual([
    { question: 'a?', answer: 'a!' },
    { question: 'c?', answer: 'so far' },
  ])
  expect(historyBefore(state, 'a')).toEqual([])
  expect(historyBefore(chatReducer(chatReducer(state, opened('two')), asked('f')), 'f')).toEqual([])
})

test('starting over keeps the clip and drops every turn; closing the clip keeps the turns', () => {
  const talked = run(opened('one'), asked('a'), finished('a'))
  expect(chatReducer(talked, { type: 'cleared' }).sections).toMatchObject([{ clipId: 'one', turns: [] }])
  const closed = chatReducer(talked, { type: 'clip-closed', clipId: 'one' })
  expect(closed.sections.map(({ clipId, turns }) => [clipId, turns.length])).toEqual([
    ['one', 1],
    [null, 0],
  ])
})

test('after closing a clip that was never asked about, the next question waits for a clip again', () => {
  const close: ChatAction = { type: 'clip-closed', clipId: 'two' }
  const state = run(opened('one'), asked('a'), finished('a'), opened('two'), close, asked('b'))
  expect(nextWaiting(state)?.section.clipId).toBeNull()
})

test('section ids stay unique, so that lists keep their items apart', () => {
  const state = run(opened('one'), asked('a'), finished('a'), opened('two'), asked('b'), finished('b'), opened('one'))
  expect(new Set(state.sections.map(({ id }) => id)).size).toBe(3)
})
