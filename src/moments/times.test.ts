import { expect, test } from 'vitest'
import { splitTimes } from './times'

const times = (text: string, duration = 7200, open = false) =>
  splitTimes(text, duration, open)
    .filter(({ seconds }) => seconds !== null)
    .map(({ text, seconds }) => [text, seconds])

test('minutes, hours and tenths are moments', () => {
  expect(times('At 0:07 it starts, 12:30 and 1:02:03 go on, 0:07.5.')).toEqual([
    ['0:07', 7],
    ['12:30', 750],
    ['1:02:03', 3723],
    ['0:07.5', 7.5],
  ])
  expect(times('from 0:01-0:03 (0:04)').map(([text]) => text)).toEqual(['0:01', '0:03', '0:04'])
})

test('what is no moment of the clip stays text', () => {
  expect(times('It ended 3:45 pm, 2:10pm, 0:75, 1:2, 10:5:30 and 1:2:3:40 or 11:00.', 600)).toEqual([])
  expect(times('at 0:10', 9.7)).toEqual([['0:10', 9.7]])
  expect(times('at 0:11', 9.7)).toEqual([])
})

test('a time at the end of a text that still grows is left alone', () => {
  expect(times('from 0:01 to 0:02', 60, true)).toEqual([['0:01', 1]])
  expect(times('from 0:01 to 0:02.', 60, true).length).toBe(2)
})

test('nothing of the text is lost', () => {
  for (const text of ['', '0:01', 'a 0:01', '0:01 b 9:99 c 0:02'])
    expect(
      splitTimes(text, 60)
        .map((part) => part.text)
        .join(''),
    ).toBe(text)
})
