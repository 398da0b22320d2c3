import { expect, test, vi } from 'vitest'
import { LiveAnswer } from './live-answer'

function manual() {
  let due: (() => void) | undefined
  const schedule = (callback: () => void) => {
    due = callback
    return () => {
      due = undefined
    }
  }
  const frame = () => {
    const callback = due
    due = undefined
    callback?.()
  }
  return { live: new LiveAnswer(schedule), frame }
}

test('tokens of one frame are shown together, with one notification', () => {
  const { live, frame } = manual()
  const listener = vi.fn()
  live.subscribe(listener)
  live.append('A ')
  live.append('dog')
  expect(live.getSnapshot()).toBe('')
  expect(live.text).toBe('A dog')
  frame()
  expect(live.getSnapshot()).toBe('A dog')
  expect(listener).toHaveBeenCalledTimes(1)
  frame()
  expect(listener).toHaveBeenCalledTimes(1)
})

test('reset shows emptiness at once and forgets a frame under way', () => {
  const { live, frame } = manual()
  live.append('old')
  frame()
  live.append(' more')
  live.reset()
  frame()
  expect(live.getSnapshot()).toBe('')
  live.append('new')
  frame()
  expect(live.getSnapshot()).toBe('new')
})

test('who unsubscribed hears nothing', () => {
  const { live, frame } = manual()
  const listener = vi.fn()
  live.subscribe(listener)()
  live.append('text')
  frame()
  expect(listener).not.toHaveBeenCalled()
})

test('a draft is kept beside the text and never shown; text that follows it takes its place', () => {
  const { live, frame } = manual()
  live.append('A dog')
  live.draft(' runs in')
  frame()
  expect(live.getSnapshot()).toBe('A dog')
  expect(live.textWithDraft).toBe('A dog runs in')
  live.append(' runs')
  expect(live.textWithDraft).toBe('A dog runs in')
  live.append(' fast')
  expect(live.textWithDraft).toBe('A dog runs fast')
  live.draft(' there')
  live.reset()
  expect(live.textWithDraft).toBe('')
})
