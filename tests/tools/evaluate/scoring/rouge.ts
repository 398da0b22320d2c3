/** ROUGE-L as pycocoevalcap computes it: the longest common subsequence's best precision and best recall over the references. */
import type { Scored } from './ngrams'

const beta = 1.2

/** Mean over the items. */
export function rougeL(items: readonly Scored[]): number {
  return items.reduce((sum, item) => sum + score(item), 0) / items.length
}

function score({ answer, references }: Scored): number {
  const common = references.map((reference) => commonSubsequence(answer, reference))
  // An empty text counts as one empty word.
  const precision = Math.max(...common) / Math.max(1, answer.length)
  const recall = Math.max(...common.map((length, at) => length / Math.max(1, references[at]?.length ?? 0)))
  if (precision === 0 || recall === 0) return 0
  return ((1 + beta ** 2) * precision * recall) / (recall + beta ** 2 * precision)
}

function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const word of a) {
    const next = [0]
    for (const [at, other] of b.entries()) {
      next.push(word === other ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0))
    }
    row = next
  }
  return row[b.length] ?? 0
}
