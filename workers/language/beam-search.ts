/**
 * Beam search over token hypotheses, apart from whatever computes their logits. The rule is training/generate.py's, which
 * made the model's figures, so that answers of both can be compared:
 *
 * - of all one-token continuations of the live hypotheses, the `beams` likeliest (sum of log p) go on;
 * - one that ends with the end token is finished and counts its sum / length ** lengthPenalty, the end token included;
 * - the search ends with `beams` finished hypotheses or after `limit` tokens, and the best finished one wins; a live one
 *   wins only where none has finished.
 *
 * It also ends as soon as no live hypothesis can still beat the best finished one. Sums only fall, so a hypothesis of sum
 * s can never count more than s / limit ** lengthPenalty: this saves steps and changes no winner. Pure.
 */
import type { Continuation } from './sampling'

/** More than this is not worth its time on a small model. */
export const maxBeams = 3

export type BeamOptions = {
  /** 1 is greedy decoding. */
  readonly beams: number
  /** 0 or more; 1 ranks finished hypotheses by their mean log p a token. */
  readonly lengthPenalty: number
  readonly endId: number
  /** Tokens drawn at most, the end token counted. At least one. */
  readonly limit: number
}

/** A beginning of an answer: its last token and what comes before. */
export type Hypothesis = {
  /** null: the empty beginning, which has no token. */
  readonly parent: Hypothesis | null
  readonly id: number
  /** Tokens. */
  readonly length: number
  /** Sum of log p, nats. */
  readonly sum: number
}

type Finished = { readonly hypothesis: Hypothesis; readonly score: number }

export class BeamSearch {
  readonly #options: BeamOptions
  #live: readonly Hypothesis[] = [{ parent: null, id: -1, length: 0, sum: 0 }]
  #finished = 0
  #best: Finished | undefined
  #steps = 0

  constructor(options: BeamOptions) {
    this.#options = options
  }

  /** Hypotheses to be continued, likeliest first: one (of no tokens) before the first step, at most `beams` after. */
  get live(): readonly Hypothesis[] {
    return this.#live
  }

  get done(): boolean {
    const { beams, limit } = this.#options
    return this.#finished >= beams || this.#steps >= limit || this.#contenders().length === 0
  }

  /** The hypothesis that wins if the search ends now, and whether it has finished; a finished one lacks its end token. */
  get winner(): { readonly hypothesis: Hypothesis; readonly finished: boolean } {
    const finished = this.#best?.hypothesis
    const hypothesis = finished ?? this.#live[0]
    if (!hypothesis) throw new RangeError('a beam search without hypotheses')
    return { hypothesis, finished: finished !== undefined }
  }

  /** The tokens with which every hypothesis that can still win begins. They only ever grow. */
  get agreed(): number[] {
    const { hypothesis, finished } = this.winner
    const rivals = this.done ? [] : this.#contenders()
    let agreed = tokensOf(hypothesis)
    for (const rival of finished ? rivals : rivals.slice(1)) {
      const tokens = tokensOf(rival)
      const split = agreed.findIndex((id, index) => tokens[index] !== id)
      if (split >= 0) agreed = agreed.slice(0, split)
    }
    return agreed
  }

  /**
   * Continues every live hypothesis by one token.
   * @param next  for each of `live`, in its order: the `beams` likeliest tokens after it, likeliest first
   */
  step(next: readonly (readonly Continuation[])[]): void {
    const { beams, endId, lengthPenalty } = this.#options
    const grown = this.#live.flatMap((parent, index) =>
      (next[index] ?? []).map(
        ({ id, logP }): Hypothesis => ({ parent, id, length: parent.length + 1, sum: parent.sum + logP }),
      ),
    )
    // The sort is stable: equals stay in the order of their parents, then of their ids.
    const chosen = grown.sort((a, b) => b.sum - a.sum).slice(0, beams)
    for (const { parent, id, length, sum } of chosen) {
      if (id !== endId || !parent) continue
      this.#finished += 1
      const score = sum / length ** lengthPenalty
      if (!this.#best || score > this.#best.score) this.#best = { hypothesis: parent, score }
    }
    this.#live = chosen.filter(({ id }) => id !== endId)
    this.#steps += 1
  }

  /** Live hypotheses that can still win. */
  #contenders(): readonly Hypothesis[] {
    const best = this.#best
    if (!best) return this.#live
    const { limit, lengthPenalty } = this.#options
    return this.#live.filter(({ sum }) => sum / limit ** lengthPenalty > best.score)
  }
}

/** The hypothesis's token ids, first to last. */
export function tokensOf(hypothesis: Hypothesis): number[] {
  const tokens: number[] = []
  for (let at = hypothesis; at.parent; at = at.parent) tokens.push(at.id)
  return tokens.reverse()
}
