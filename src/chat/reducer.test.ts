import { describe, expect, test } from 'vitest'
import { samplePack as pack, sampleStats as stats } from '../../tests/fixtures/sample'
import { ValleyError } from '../../workers/protocol'
import {
  type ChatAction,
  type ChatState,
  chatReducer,
  emptyChat,
  historyBefore,
  sectionsOf,
  turnsAfter,
} from './reducer'

const run = (...actions: ChatAction[]): ChatState => actions.reduce(chatReducer, emptyChat)
const about = (clipId: string) => ({ clipId, name: `${clipId}.mp4` })
const opened = (clipId: string): ChatAction => ({ type: 'clip-opened', ...about(clipId) })
const asked = (turnId: string, clipId: string | null = 'one'): ChatAction => ({
  type: 'asked',
  turnId,
  question: `${turnId}?`,
  about: clipId === null ? null : about(clipId),
  at: 1,
})
const finished = (turnId: string, answer = `${turnId}!`): ChatAction => ({
  type: 'finished',
  turnId,
  answer,
  reason: 'end',
  stats,
})
const anew = (turnId: string, question = `${turnId}?`): ChatAction => ({
  type: 'asked-anew',
  turnId,
  question,
  about: about('one'),
})
const writing = (turnId: string): ChatAction => ({ type: 'writing', turnId })
const otherPack = { ...pack, version: '2', hash: 'i' }
const ids = (state: ChatState) => state.turns.map(({ id }) => id)
const damaged = new ValleyError('clip-damaged')

test('a question asked before any clip waits, and the first clip takes it', () => {
  const state = run(asked('a', null), opened('one'))
  expect(state.turns).toMatchObject([{ clipId: 'one', clipName: 'one.mp4', status: 'waiting' }])
})

test('a second clip leaves the questions about the first alone, waiting or not', () => {
  const state = run(asked('a'), finished('a'), asked('b'), opened('two'), asked('c', 'two'), asked('d', 'one'))
  expect(state.turns.map(({ clipId }) => clipId)).toEqual(['one', 'one', 'two', 'one'])
  expect(sectionsOf(state).map(({ id, clipId, turns }) => [id, clipId, turns.length])).toEqual([
    ['a', 'one', 2],
    ['c', 'two', 1],
    ['d', 'one', 1],
  ])
})

test('where a clip fails, its questions wait for another, or fail where the chat goes on with one', () => {
  const talked = run(asked('a'), finished('a'), asked('b'), asked('c', 'two'))
  const alone = chatReducer(talked, { type: 'clip-failed', clipId: 'one', error: damaged, fallback: false })
  expect(alone.turns).toMatchObject([{ clipId: 'one', status: 'done' }, { clipId: null, status: 'waiting' }, {}])
  const beside = chatReducer(talked, { type: 'clip-failed', clipId: 'two', error: damaged, fallback: true })
  expect(beside.turns.map(({ status }) => status)).toEqual(['done', 'waiting', 'failed'])
  expect(beside.turns[2]?.error).toBe(damaged)
})

test('an answer passes through reading and writing and keeps its figures', () => {
  const steps: ChatAction[] = [
    { type: 'sent', turnId: 'a', pack },
    { type: 'prefilled', turnId: 'a', done: 4, total: 9 },
    writing('a'),
    finished('a'),
  ]
  const states = steps.map((_, index) => run(asked('a'), ...steps.slice(0, index + 1)).turns[0])
  expect(states.map((turn) => turn?.status)).toEqual(['reading', 'reading', 'writing', 'done'])
  expect(states[1]?.prefill).toEqual({ done: 4, total: 9 })
  expect(states[3]).toMatchObject({ answer: 'a!', stats: { newTokens: 2 }, pack })
})

test('what is not about a turn leaves it the same object, so that only what changed is drawn and stored', () => {
  const before = run(asked('a'), finished('a'), asked('b'))
  expect(chatReducer(before, finished('b')).turns[0]).toBe(before.turns[0])
  expect(chatReducer(before, finished('gone'))).toBe(before)
})

describe('asking anew', () => {
  const talked = run(asked('a'), finished('a'), asked('b'), finished('b'), asked('c'), finished('c'))

  test('what follows stays until the new answer begins, then goes', () => {
    const waiting = chatReducer(talked, anew('b', 'other?'))
    expect(ids(waiting)).toEqual(['a', 'b', 'c'])
    expect(waiting.turns[1]).toMatchObject({ question: 'other?', answer: '', status: 'waiting', stats: null })
    expect(turnsAfter(waiting, 'b')).toBe(1)
    const begun = chatReducer(waiting, writing('b'))
    expect(ids(begun)).toEqual(['a', 'b'])
    expect(chatReducer(begun, finished('b', 'new')).turns[1]).toMatchObject({ answer: 'new', before: null })
  })

  test('an answer without a single word gives way all the same', () => {
    expect(ids(chatReducer(chatReducer(talked, anew('a')), finished('a', '')))).toEqual(['a'])
  })

  test('stopped before a word, or failed, the question and its answer are what they were', () => {
    const waiting = chatReducer(talked, anew('b', 'other?'))
    const stopped = chatReducer(waiting, { type: 'stopped', turnId: 'b', answer: '' })
    expect(stopped.turns[1]).toEqual(talked.turns[1])
    const failed = chatReducer(waiting, { type: 'failed', turnId: 'b', answer: 'half', error: damaged })
    expect(failed.turns[1]).toMatchObject({ question: 'b?', answer: 'b!', status: 'done', error: damaged })
    expect(ids(failed)).toEqual(['a', 'b', 'c'])
  })

  test('stopped with words of its own, they stand', () => {
    const begun = chatReducer(chatReducer(talked, anew('c', 'other?')), writing('c'))
    const stopped = chatReducer(begun, { type: 'stopped', turnId: 'c', answer: 'so far' })
    expect(stopped.turns[2]).toMatchObject({ question: 'other?', answer: 'so far', status: 'stopped', before: null })
  })

  test('edited twice before an answer, the first version is what comes back', () => {
    const twice = [anew('c', 'x?'), anew('c', 'y?')].reduce(chatReducer, talked)
    const stopped = chatReducer(twice, { type: 'stopped', turnId: 'c', answer: '' })
    expect(stopped.turns[2]).toMatchObject({ question: 'c?', answer: 'c!' })
  })
})

describe('trying harder', () => {
  const talked = run(asked('a'), finished('a'), asked('b'), finished('b'))
  const trying: ChatAction = { type: 'trying', turnId: 'a', done: 1, total: 4, pack: otherPack }

  test('the answer there is stays on show, and what follows stays for good', () => {
    const state = chatReducer(talked, trying)
    expect(state.turns[0]).toMatchObject({ answer: 'a!', status: 'reading', tries: { done: 1, total: 4 } })
    const better = chatReducer(state, finished('a', 'better'))
    expect(ids(better)).toEqual(['a', 'b'])
    expect(better.turns[0]).toMatchObject({ answer: 'better', status: 'done', tries: null, before: null })
    expect(better.turns[0]?.pack).toBe(otherPack)
  })

  test('where nothing better comes of it, the turn is what it was', () => {
    const state = chatReducer(chatReducer(talked, trying), { type: 'stopped', turnId: 'a', answer: '' })
    expect(state.turns[0]).toEqual(talked.turns[0])
  })
})

test('evidence belongs to its answer and goes with it', () => {
  const evidence = { frames: [{ timestamp: 1, similarity: 0.3 }], unsure: false }
  const state = run(asked('a'), finished('a'), { type: 'evidence-found', turnId: 'a', evidence })
  expect(state.turns[0]?.evidence).toBe(evidence)
  expect(chatReducer(chatReducer(state, anew('a')), finished('a', 'new')).turns[0]?.evidence).toBeNull()
})

test('the history of a question is what was answered about the same clip before it', () => {
  const state = run(
    asked('a'),
    finished('a'),
    asked('b'),
    { type: 'failed', turnId: 'b', answer: 'half', error: damaged },
    asked('x', 'two'),
    finished('x'),
    asked('c'),
    { type: 'stopped', turnId: 'c', answer: 'so far' },
    asked('d'),
    { type: 'stopped', turnId: 'd', answer: '' },
    asked('e'),
    asked('f', 'three'),
  )
  expect(historyBefore(state, 'e')).toEqual([
    { question: 'a?', answer: 'a!' },
    { question: 'c?', answer: 'so far' },
  ])
  expect(historyBefore(state, 'a')).toEqual([])
  expect(historyBefore(state, 'f')).toEqual([])
})

test('each answer keeps the pack that gave it; asked anew in vain, that of the answer which stands again', () => {
  const sent = (turnId: string, by: typeof pack): ChatAction => ({ type: 'sent', turnId, pack: by })
  const talked = run(asked('a'), sent('a', pack), finished('a'), asked('b'), sent('b', otherPack), finished('b'))
  expect(talked.turns.map((turn) => turn.pack?.version)).toEqual(['1', '2'])
  const again = [anew('a'), sent('a', otherPack)].reduce(chatReducer, talked)
  expect(again.turns[0]?.pack).toBe(otherPack)
  expect(chatReducer(again, { type: 'stopped', turnId: 'a', answer: '' }).turns[0]?.pack).toBe(pack)
  expect(chatReducer(again, finished('a')).turns[0]?.pack).toBe(otherPack)
})

test('a question asked of each part gathers segments, is no history of the clip, and is asked of each part again', () => {
  const segments = [{ start: 0, end: 3, text: 'A dog.' }]
  const byParts = { ...asked('a'), byParts: true } as ChatAction
  const found: ChatAction = { type: 'segments-found', turnId: 'a', segments }
  const begun = run(byParts, { type: 'sent', turnId: 'a', pack })
  expect(begun.turns[0]).toMatchObject({ status: 'reading', segments: [] })
  expect(chatReducer(begun, found).turns[0]).toMatchObject({ status: 'writing', segments })
  const done = run(byParts, found, finished('a'), asked('b'), finished('b'), asked('c'))
  expect(historyBefore(done, 'c')).toEqual([{ question: 'b?', answer: 'b!' }])
  expect(done.turns.map((turn) => turn.segments)).toEqual([segments, null, null])
  expect(chatReducer(done, anew('a')).turns[0]).toMatchObject({ status: 'waiting', segments: [] })
})
