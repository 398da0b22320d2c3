/**
 * Choosing the next token without the whole row of logits: from its best, the logits of what was said, and the weight of
 * all. The choice is that of sampling.ts on the row, or none where too little is known. Pure.
 */
import { type Continuation, drawNucleus, penalised } from './sampling'

/** Of a row of logits, before any penalty. */
export type Candidates = {
  /** Likeliest first, equals by lower id, of those that were not said. */
  readonly best: readonly Candidate[]
  /** Whether `best` and `said` are the whole vocabulary. */
  readonly complete: boolean
  /** Each id once, in any order. */
  readonly said: readonly Candidate[]
  /** Σ exp((logit - that of best[0]) / temperature) over all that were not said. */
  readonly mass: number
}

export type Candidate = { readonly id: number; readonly logit: number }

export type Ranking = {
  /** After the penalty, likeliest first, equals by lower id: no token that is missing comes before one that is here. */
  readonly ranked: readonly Candidate[]
  /** Whether none is missing. */
  readonly complete: boolean
  /** Σ exp((logit - that of ranked[0]) / temperature) over the vocabulary. */
  readonly total: number
}

/** @param temperature  the one that `mass` was weighed with */
export function rankingOf({ best, complete, said, mass }: Candidates, penalty: number, temperature: number): Ranking {
  const again = said.map(({ id, logit }) => ({ id, logit: Math.fround(penalised(logit, penalty)) }))
  const all = [...best, ...again].sort((a, b) => b.logit - a.logit || a.id - b.id)
  const last = best.at(-1)
  const ranked = complete || !last ? all : all.slice(0, all.indexOf(last) + 1)
  const peak = ranked[0]?.logit ?? 0
  const weight = ({ logit }: Candidate) => Math.exp((logit - peak) / temperature)
  const unsaid = best[0] ? mass * weight(best[0]) : 0
  return { ranked, complete, total: again.reduce((sum, candidate) => sum + weight(candidate), unsaid) }
}

/**
 * Draws as `sampleToken` does at a temperature above 0.
 * @param share  the random number, in [0, 1)
 * @returns null: the draw may fall on a token that is not ranked
 */
export function drawFrom(
  { ranked, complete, total }: Ranking,
  { temperature, topP }: { readonly temperature: number; readonly topP: number },
  share: number,
): number | null {
  const peak = ranked[0]?.logit ?? 0
  const weighed = ranked.map(({ id, logit }) => ({ id, weight: Math.exp((logit - peak) / temperature) }))
  return drawNucleus(weighed, complete, total, topP, share)
}

/** The `count` likeliest, as `likeliest` gives them; weighed at temperature 1. */
export function continuationsOf({ ranked, total }: Ranking, count: number): Continuation[] {
  const logTotal = (ranked[0]?.logit ?? 0) + Math.log(total)
  return ranked.slice(0, count).map(({ id, logit }) => ({ id, logP: logit - logTotal }))
}
