/** Choosing the next token from logits. Pure: the same logits, history and random numbers give the same token. */

export type SamplingOptions = {
  /** 0 = greedy. */
  readonly temperature: number
  /** Nucleus: the smallest set of most likely tokens whose probabilities reach topP (Holtzman et al., arXiv 1904.09751). */
  readonly topP: number
  /** 1 = none. Divides positive, multiplies negative logits of tokens already said (CTRL, arXiv 1909.05858). */
  readonly repetitionPenalty: number
}

/** Uniform numbers in [0, 1). */
export type Random = () => number

/** mulberry32: 32 bits of state, ample for picking a few hundred tokens. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/**
 * The next token's id.
 * @param logits  [vocabSize]; the penalty is applied in place
 * @param said    ids generated so far in this answer
 */
export function sampleToken(
  logits: Float32Array,
  said: Iterable<number>,
  options: SamplingOptions,
  random: Random,
): number {
  penalise(logits, said, options.repetitionPenalty)
  if (options.temperature === 0) return argmax(logits)
  return sampleNucleus(logits, options.temperature, options.topP, random)
}

export function argmax(logits: Float32Array): number {
  let best = 0
  let peak = Number.NEGATIVE_INFINITY
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i] ?? 0
    if (value > peak) {
      peak = value
      best = i
    }
  }
  return best
}

/** Applies the repetition penalty of `said` to `logits`, in place. */
export function penalise(logits: Float32Array, said: Iterable<number>, penalty: number): void {
  if (penalty === 1) return
  for (const id of new Set(said)) logits[id] = penalised(logits[id] ?? 0, penalty)
}

/** The array rounds it to float32; whoever has none must. */
export const penalised = (logit: number, penalty: number) => (logit > 0 ? logit / penalty : logit * penalty)

function sampleNucleus(logits: Float32Array, temperature: number, topP: number, random: Random): number {
  const peak = logits[argmax(logits)] ?? 0
  const weights = new Float64Array(logits.length)
  let total = 0
  for (let i = 0; i < logits.length; i++) {
    const weight = Math.exp(((logits[i] ?? 0) - peak) / temperature)
    weights[i] = weight
    total += weight
  }
  // Tokens below (1 - topP) / vocabulary hold less than 1 - topP together, so none of them is in the nucleus.
  const floor = ((1 - topP) / logits.length) * total
  const candidates: { id: number; weight: number }[] = []
  for (const [id, weight] of weights.entries()) if (weight >= floor) candidates.push({ id, weight })
  candidates.sort((a, b) => b.weight - a.weight || a.id - b.id)
  return drawNucleus(candidates, true, total, topP, random()) ?? 0
}

/**
 * Draws from the nucleus of `ranked` (likeliest first) by `share` in [0, 1).
 * @param complete  whether `ranked` holds all that the nucleus may take
 * @param total     weight of all tokens
 * @returns null: the draw may fall on a token that is not in `ranked`
 */
export function drawNucleus(
  ranked: readonly { readonly id: number; readonly weight: number }[],
  complete: boolean,
  total: number,
  topP: number,
  share: number,
): number | null {
  let mass = 0
  let size = 0
  while (size < ranked.length && (size === 0 || mass < topP * total)) mass += ranked[size++]?.weight ?? 0
  const cut = !complete && mass < topP * total
  // Where the nucleus is everything, its mass is known all the same.
  if (cut && topP < 1) return null
  let left = share * (cut ? total : mass)
  for (const { id, weight } of ranked.slice(0, size)) {
    left -= weight
    if (left < 0) return id
  }
  return cut ? null : (ranked[size - 1]?.id ?? null)
}

/** A token that may come next. */
export type Continuation = {
  readonly id: number
  /** log p, nats. */
  readonly logP: number
}

/**
 * The `count` likeliest tokens of a row, likeliest first, equals by lower id.
 * @param logits  [vocabSize]; the penalty of `said` is applied in place
 */
export function likeliest(
  logits: Float32Array,
  said: Iterable<number>,
  penalty: number,
  count: number,
): Continuation[] {
  penalise(logits, said, penalty)
  const total = logSumExp(logits)
  const ids: number[] = []
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id] ?? 0
    const last = ids.at(-1)
    if (ids.length === count && last !== undefined && value <= (logits[last] ?? 0)) continue
    const rank = ids.findIndex((other) => value > (logits[other] ?? 0))
    ids.splice(rank < 0 ? ids.length : rank, 0, id)
    ids.length = Math.min(ids.length, count)
  }
  return ids.map((id) => ({ id, logP: (logits[id] ?? 0) - total }))
}

/** log Σ exp(logits), in nats: a logit minus this is the token's log probability. */
export function logSumExp(logits: Float32Array): number {
  const peak = logits[argmax(logits)] ?? 0
  let total = 0
  for (const logit of logits) total += Math.exp(logit - peak)
  return peak + Math.log(total)
}

/** log softmax(logits)[id], in nats. */
export const logProbability = (logits: Float32Array, id: number): number => (logits[id] ?? 0) - logSumExp(logits)
