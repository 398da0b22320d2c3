import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { samplePack as pack } from '../../tests/fixtures/sample'
import { about, asked, chat, clips, finished, frame, opened, run } from '../../tests/fixtures/sample-conversation'
import { type ConversationAction, newConversation } from '../conversations/model'
import { Keeper, type Saves } from './keeper'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function keeper(save: Saves['save'] = async () => {}) {
  const saves = vi.fn(save)
  const onTrouble = vi.fn()
  const onMended = vi.fn()
  return {
    keeper: new Keeper({ save: saves, remove: async () => {} }, { onTrouble, onMended }),
    saves,
    onTrouble,
    onMended,
  }
}

const event = (index: number) =>
  clips({ type: 'event', id: 'clip', event: { type: 'frame', ...frame, index, timestamp: index } })

test('what the person did, and an answer that began or ended, is written at once', async () => {
  const { keeper: k, saves } = keeper()
  const steps: [string, ConversationAction][] = [
    ['a clip', opened[0] as ConversationAction],
    ['a question', asked('a')],
    ['sent', chat({ type: 'sent', turnId: 'a', pack })],
    ['the first word', chat({ type: 'writing', turnId: 'a' })],
    ['its end', finished('a')],
    ['an edited question', chat({ type: 'asked-anew', turnId: 'a', question: 'b?', about })],
    ['taken back', chat({ type: 'stopped', turnId: 'a', answer: '' })],
    ['a name', { type: 'named', name: 'Holiday' }],
    ['put aside', clips({ type: 'put-aside', id: 'clip' })],
    ['chosen', clips({ type: 'chosen', id: 'clip' })],
    ['started over', chat({ type: 'cleared' })],
    ['taken out', clips({ type: 'removed', id: 'clip', show: null })],
  ]
  let talk = newConversation('talk', 1)
  for (const [at, [what, action]] of steps.entries()) {
    talk = run([action], talk)
    k.note(talk)
    // No timer has run yet.
    await vi.advanceTimersByTimeAsync(0)
    expect(saves, what).toHaveBeenCalledTimes(at + 1)
    expect(saves.mock.lastCall?.[0], what).toBe(talk)
  }
})

test('frames and progress in a row are written once', async () => {
  const { keeper: k, saves } = keeper()
  let talk = run([...opened, asked('a'), chat({ type: 'sent', turnId: 'a', pack })])
  k.loaded(talk)
  for (let index = 1; index <= 3; index++) {
    talk = run([event(index), chat({ type: 'prefilled', turnId: 'a', done: index, total: 4 })], talk)
    k.note(talk)
  }
  await vi.advanceTimersByTimeAsync(399)
  expect(saves).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(saves).toHaveBeenCalledOnce()
  expect(saves.mock.lastCall?.[0]).toBe(talk)
})

test('another question leaves the text that is being written as it is; its end does not', async () => {
  const { keeper: k, saves } = keeper()
  const writing = run([asked('a'), chat({ type: 'sent', turnId: 'a', pack }), chat({ type: 'writing', turnId: 'a' })])
  k.loaded(writing)
  k.noteText(writing, 'a', 'half a sen')
  const more = run([asked('b')], writing)
  k.note(more)
  await vi.advanceTimersByTimeAsync(0)
  expect(saves.mock.lastCall?.[2].get('a')).toBe('half a sen')
  k.note(run([finished('a')], more))
  await vi.advanceTimersByTimeAsync(0)
  expect(saves.mock.lastCall?.[2].get('a')).toBeUndefined()
})

test('a text that is being written is stored about once a second', async () => {
  const { keeper: k, saves } = keeper()
  const talk = run([asked('a'), chat({ type: 'writing', turnId: 'a' })])
  k.loaded(talk)
  for (let piece = 1; piece <= 30; piece++) {
    k.noteText(talk, 'a', 'x'.repeat(piece))
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(saves.mock.calls.length).toBeGreaterThanOrEqual(2)
  expect(saves.mock.calls.length).toBeLessThanOrEqual(3)
  expect(saves.mock.lastCall?.[2].get('a')?.length).toBeGreaterThan(10)
})

test('what could not be written is told, kept, and written with the next change', async () => {
  let full = true
  const {
    keeper: k,
    saves,
    onTrouble,
    onMended,
  } = keeper(async () => {
    if (full) throw new DOMException('', 'QuotaExceededError')
  })
  const talk = run([asked('a')])
  k.note(talk)
  await vi.advanceTimersByTimeAsync(0)
  expect(onTrouble).toHaveBeenCalledOnce()
  full = false
  const more = run([asked('b')], talk)
  k.note(more)
  await k.flush()
  expect(saves.mock.lastCall?.slice(0, 2)).toEqual([more, null])
  expect(onMended).toHaveBeenCalledOnce()
})

test('an empty conversation is not stored', async () => {
  const { keeper: k, saves } = keeper()
  k.note(newConversation('talk', 1))
  await k.flush()
  expect(saves).not.toHaveBeenCalled()
})
