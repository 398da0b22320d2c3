/** How answers, vectors and likelihoods become figures. */
import { describe, expect, test } from 'vitest'
import { ranksOfOwn } from '../tools/evaluate/tasks/own-notes'
import { sameTokens } from '../tools/evaluate/tasks/parity'
import { compared, means } from '../tools/evaluate/tasks/questions'
import { meanDirection, rankOwn } from '../tools/evaluate/tasks/retrieval'
import { bornOut } from '../tools/evaluate/tasks/subject'

describe('questions', () => {
  const yes = 'Yes, there is a dog.'
  const no = 'No, there is no dog.'

  test.each([
    ['Yes.', yes, no, true],
    ['There is one, yes', yes, no, true],
    ['No, but yes at the end.', yes, no, false],
    ['Yesterday.', yes, no, false],
    ['no', no, yes, true],
    ['', no, yes, false],
  ])('"%s" for "%s"', (answer, right, wrong, expected) => {
    expect(means(answer, right, wrong)).toBe(expected)
  })

  test('an either/or answer is told by the words that only one side has', () => {
    const [right, wrong] = ['A brown dog runs on grass.', 'A man climbs a rock.']
    expect(means('The dog comes first.', right, wrong)).toBe(true)
    expect(means('A man, climbing', right, wrong)).toBe(false)
    // Neither, and as much of both, is no right answer.
    expect(means('A bird.', right, wrong)).toBe(false)
    expect(means(`${right} ${wrong}`, right, wrong)).toBe(false)
  })

  test('yes and no are weighed by themselves, other answers whole', () => {
    expect(compared(no, yes)).toEqual(['No', 'Yes'])
    expect(compared('A dog.', 'A man.')).toEqual(['A dog.', 'A man.'])
  })
})

describe('subject', () => {
  test('three captions in ten speak of it, in whole words', () => {
    const captions = [
      'A dog runs.',
      'Two dogs play.',
      'A puppy on grass.',
      ...Array<string>(7).fill('Something moves.'),
    ]
    expect(bornOut('animal', captions)).toBe(true)
    expect(bornOut('animal', captions.slice(1))).toBe(false)
    expect(bornOut('vehicle', ['A carpet is cleaned.', 'A scarf.'])).toBe(false)
  })
})

describe('retrieval', () => {
  const place = (id: string, owner: string, ...vector: number[]) => ({ id, owner, vector })

  test('the rank is that of the best own candidate, ties to the earlier', () => {
    const candidates = [
      place('x', 'b', 0, 1),
      place('y', 'a', 0.5, 0.5),
      place('z', 'a', 1, 0),
      place('w', 'b', 0.9, 0),
    ]
    expect(rankOwn(place('a', 'a', 1, 0), candidates)).toEqual({ id: 'a', rank: 1, first: 'z' })
    expect(rankOwn(place('b', 'b', 1, 0), candidates)).toEqual({ id: 'b', rank: 2, first: 'z' })
    expect(rankOwn(place('b', 'b', 0, 0), candidates)).toMatchObject({ rank: 1, first: 'x' })
    expect(rankOwn(place('a', 'a', 0, 0), candidates)).toMatchObject({ rank: 2 })
  })

  test('without vectors the rank is the last', () => {
    expect(rankOwn(place('a', 'a'), [place('x', 'b', 1), place('y', 'a', 1)])).toMatchObject({ rank: 2 })
  })

  test('a clip is the direction between its frames', () => {
    const [x = 0, y = 0] = meanDirection([
      [1, 0],
      [0, 1],
    ])
    expect(x).toBeCloseTo(Math.SQRT1_2, 6)
    expect(y).toBeCloseTo(Math.SQRT1_2, 6)
  })
})

test('a note ranks by how much likelier it is with its own clip than with the others', () => {
  // Note 1 is likely everywhere; note 0 only with clip 0; clip 2 finds note 0 likelier than it usually is.
  const ranks = ranksOfOwn([
    [-2, -1, -5],
    [-4, -0.9, -5],
    [-2.9, -1.5, -5],
  ])
  expect(ranks).toEqual([1, 1, 2])
})

test('parity counts the tokens before the first difference, and the end as one', () => {
  const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
  expect(sameTokens([...ten, 11], [...ten, 12])).toEqual({ same: 10, of: 10 })
  expect(sameTokens([1, 2, 3], [1, 2, 3])).toEqual({ same: 4, of: 4 })
  expect(sameTokens([1, 2, 3], [1, 2, 3, 4])).toEqual({ same: 3, of: 4 })
  expect(sameTokens([1, 2, 3], [1, 9, 3])).toEqual({ same: 1, of: 4 })
  expect(sameTokens(ten, [])).toEqual({ same: 0, of: 10 })
})
