/**
 * CIDEr-D (arXiv 1411.5726) as pycocoevalcap computes it: n-grams of 1 to 4 tokens weighed by TF-IDF, cosine with clipped
 * counts, a Gaussian penalty on the difference of lengths, times ten.
 */
import { countNgrams, longestNgram, type Scored } from './ngrams'

const sigma = 6

type Vector = {
  readonly weights: readonly Map<string, number>[]
  readonly norms: readonly number[]
  readonly length: number
}

/** Mean over the items; the document frequencies are those of the items' own references. */
export function cider(items: readonly Scored[]): number {
  const references = items.map((item) => item.references.map(countNgrams))
  const documents = new Map<string, number>()
  for (const captions of references) {
    const seen = new Set(captions.flatMap((counts) => counts.flatMap((map) => [...map.keys()])))
    for (const ngram of seen) documents.set(ngram, (documents.get(ngram) ?? 0) + 1)
  }
  const logItems = Math.log(items.length)
  const idf = (ngram: string) => logItems - Math.log(Math.max(1, documents.get(ngram) ?? 0))
  const scores = items.map(({ answer }, at) => {
    const captions = references[at] ?? []
    const mine = weigh(countNgrams(answer), idf)
    const sum = captions.reduce((total, counts) => total + similarity(mine, weigh(counts, idf)), 0)
    return (10 * sum) / captions.length
  })
  return scores.reduce((total, score) => total + score, 0) / scores.length
}

function weigh(counts: readonly Map<string, number>[], idf: (ngram: string) => number): Vector {
  const weights = counts.map((map) => new Map([...map].map(([ngram, count]) => [ngram, count * idf(ngram)])))
  const norms = weights.map((map) => Math.sqrt([...map.values()].reduce((sum, weight) => sum + weight * weight, 0)))
  // pycocoevalcap measures a caption by its bigrams.
  const length = [...(counts[1]?.values() ?? [])].reduce((sum, count) => sum + count, 0)
  return { weights, norms, length }
}

/** Mean over the n-gram lengths. */
function similarity(answer: Vector, reference: Vector): number {
  const penalty = Math.exp(-((answer.length - reference.length) ** 2) / (2 * sigma ** 2))
  let sum = 0
  for (let n = 0; n < longestNgram; n++) {
    const theirs = reference.weights[n]
    let product = 0
    for (const [ngram, weight] of answer.weights[n] ?? []) {
      const other = theirs?.get(ngram) ?? 0
      product += Math.min(weight, other) * other
    }
    const norm = (answer.norms[n] ?? 0) * (reference.norms[n] ?? 0)
    sum += norm === 0 ? product : product / norm
  }
  return (penalty * sum) / longestNgram
}
