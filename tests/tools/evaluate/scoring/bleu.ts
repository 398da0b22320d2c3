/** BLEU-1 to BLEU-4 over a whole set, as pycocoevalcap computes it: clipped counts, brevity against the closest reference. */
import { countNgrams, longestNgram, type Scored } from './ngrams'

// Keep a length of n-grams that never matches, or never occurs, from dividing by zero.
const tiny = 1e-15
const small = 1e-9

export function bleu(items: readonly Scored[]): number[] {
  const correct = new Array<number>(longestNgram).fill(0)
  const guessed = new Array<number>(longestNgram).fill(0)
  let answered = 0
  let expected = 0
  for (const { answer, references } of items) {
    const theirs = references.map(countNgrams)
    for (const [n, counts] of countNgrams(answer).entries()) {
      guessed[n] = (guessed[n] ?? 0) + Math.max(0, answer.length - n)
      for (const [ngram, count] of counts) {
        const most = Math.max(0, ...theirs.map((reference) => reference[n]?.get(ngram) ?? 0))
        correct[n] = (correct[n] ?? 0) + Math.min(count, most)
      }
    }
    answered += answer.length
    expected += closest(
      answer.length,
      references.map((reference) => reference.length),
    )
  }
  const ratio = (answered + tiny) / (expected + small)
  const brevity = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  return correct.map((count, n) => {
    product *= (count + tiny) / ((guessed[n] ?? 0) + small)
    return brevity * product ** (1 / (n + 1))
  })
}

/** The reference length nearest to `length`, the shorter of two as near. */
function closest(length: number, lengths: readonly number[]): number {
  const gap = (other: number) => Math.abs(other - length)
  return lengths.reduce((best, other) =>
    gap(other) < gap(best) || (gap(other) === gap(best) && other < best) ? other : best,
  )
}
