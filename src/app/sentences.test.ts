import { expect, test } from 'vitest'
import { sentencesOf } from './sentences'

test('a growing text gives a sentence once the next has begun, and never takes one back', () => {
  const text = 'A dog runs on a beach, e.g. near 0:01. It stops. 一只狗在跑。它停下了。'
  let before: readonly string[] = []
  for (let end = 1; end <= text.length; end += 1) {
    const now = sentencesOf(text.slice(0, end), 'en', true)
    expect(now.slice(0, before.length)).toEqual(before)
    expect(text.startsWith(now.join(''))).toBe(true)
    before = now
  }
  expect(before).toEqual(['A dog runs on a beach, e.g. near 0:01. ', 'It stops. ', '一只狗在跑。'])
  expect(sentencesOf(text, 'zh-CN', false)).toEqual([...before, '它停下了。'])
})

test('lines of a list are sentences of their own', () => {
  expect(sentencesOf('- one\n- two\n- thr', 'en', true)).toEqual(['- one\n', '- two\n'])
  expect(sentencesOf('', 'en', true)).toEqual([])
  expect(sentencesOf('', 'en', false)).toEqual([])
})
