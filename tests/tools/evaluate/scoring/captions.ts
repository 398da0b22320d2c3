/** All figures of a captioning run. */
import { bleu } from './bleu'
import { cider } from './cider'
import type { Scored } from './ngrams'
import { rougeL } from './rouge'
import { tokenise } from './tokenise'

export type Captioned = { readonly answer: string; readonly references: readonly string[] }

export type CaptionFigures = {
  readonly cider: number
  readonly bleu1: number
  readonly bleu2: number
  readonly bleu3: number
  readonly bleu4: number
  readonly rouge_l: number
  /** Different answers. */
  readonly distinct: number
  readonly items: number
}

/** @param captioned  at least one item, each with at least one reference */
export function captionFigures(captioned: readonly Captioned[]): CaptionFigures {
  const items: Scored[] = captioned.map(({ answer, references }) => ({
    answer: tokenise(answer),
    references: references.map(tokenise),
  }))
  const [bleu1 = 0, bleu2 = 0, bleu3 = 0, bleu4 = 0] = bleu(items)
  const distinct = new Set(captioned.map(({ answer }) => answer)).size
  return { cider: cider(items), bleu1, bleu2, bleu3, bleu4, rouge_l: rougeL(items), distinct, items: items.length }
}
