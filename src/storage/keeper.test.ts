import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { samplePack as pack } from '../../tests/fixtures/sample'
import { asked, chat, finished, run } from '../../tests/fixtures/sample-conversation'
import { newConversation } from '../conversations/model'
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

test('changes in a row are written once, an answer that ended at once', async () => {
  const { keeper: k, saves } = keeper()
  const steps = [asked('a'), chat({ type: 'sent', turnId: 'a', pack })]
  k.note(run(steps.slice(0, 1)))
  k.note(run(steps))
  await vi.advanceTimersByTimeAsync(399)
  expect(saves).not.toHaveBeenCalled()
  await vi.advanceTimersByTimeAsync(1)
  expect(saves).toHaveBeenCalledOnce()
  k.note(run([...steps, finished('a')]))
  await vi.advanceTimersByTimeAsync(0)
  expect(saves).toHaveBeenCalledTimes(2)
})

test('a text that is being written is stored about once a second', async () => {
  const { keeper: k, saves } = keeper()
  const talk = run([asked('a')])
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
  await k.flush()
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
