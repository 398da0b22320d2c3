import { describe, expect, test } from 'vitest'
import cases from '../../tests/fixtures/phrase-order.json'
import { inTime, type Phrases, phrasesOf, told } from './phrase-order'

describe('the two things whose order a question asks for', () => {
  test.each(cases.questions)('$asked', ({ asked, phrases }) => {
    expect(phrasesOf(asked)).toEqual(phrases)
  })
})

describe('which the frames show first', () => {
  test.each(cases.clips)('$why', ({ frames, order }) => {
    const names: Phrases = ['one', 'other']
    const found = inTime(
      names,
      Float32Array.from(cases.texts.flat()),
      frames.map((frame) => Float32Array.from(frame)),
    )
    expect(found).toEqual(order?.map((at) => names[at]) ?? null)
  })
})

describe('what the prompt tells, in words that the quotes of a clip use too', () => {
  test.each(cases.told)('$asked', ({ asked, order, text }) => {
    expect(told(asked, order as unknown as Phrases)).toBe(text)
  })
})
