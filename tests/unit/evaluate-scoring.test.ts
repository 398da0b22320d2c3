/** Caption figures against pycocoevalcap's own, which `python -m training.evaluation.scoring` writes into the fixture. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { captionFigures } from '../tools/evaluate/scoring/captions'
import { tokenise } from '../tools/evaluate/scoring/tokenise'

type Fixture = {
  items: { id: string; answer: string; references: string[] }[]
  figures: Record<string, number>
  /** By item: the answer's, then each reference's. */
  tokens: Record<string, string[][]>
}
const path = resolve(import.meta.dirname, '../fixtures/caption-scoring.json')
const { items, figures, tokens } = JSON.parse(readFileSync(path, 'utf8')) as Fixture

test.each(items)('the tokens of $id equal those of the Penn Treebank tokeniser', ({ id, answer, references }) => {
  expect([answer, ...references].map(tokenise)).toEqual(tokens[id])
})

describe('figures', () => {
  const ours = captionFigures(items)

  test.each(['cider', 'bleu1', 'bleu2', 'bleu3', 'bleu4', 'rouge_l', 'distinct', 'items'] as const)(
    '%s equals that of pycocoevalcap',
    (name) => {
      expect(figures[name]).toBeGreaterThan(0)
      expect(ours[name]).toBeCloseTo(figures[name] ?? Number.NaN, 5)
    },
  )

  test('an answer of nothing counts as nothing, and a shorter one costs BLEU', () => {
    const references = ['a dog runs over the grass', 'a cat sleeps']
    const empty = captionFigures([{ answer: '', references }])
    expect([empty.cider, empty.rouge_l]).toEqual([0, 0])
    expect(empty.bleu1).toBeLessThan(1e-3)
    const short = captionFigures([{ answer: 'a dog', references }])
    // Two words against the closest reference of three: e^(1 - 3/2).
    expect(short.bleu1).toBeCloseTo(Math.exp(-0.5), 6)
  })
})
