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
  for (const id of new Set(said)) {
    const logit = logits[id] ?? 0
    logits[id] = logit > 0 ? logit / penalty : logit * penalty
  }
}

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
  const candidates: number[] = []
  for (let i = 0; i < weights.length; i++) if ((weights[i] ?? 0) >= floor) candidates.push(i)
  candidates.sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b)
  let mass = 0
  let size = 0
  while (size < candidates.length && (size === 0 || mass < topP * total)) mass += weights[candidates[size++] ?? 0] ?? 0
  let left = random() * mass
  for (const id of candidates.slice(0, size)) {
    left -= weights[id] ?? 0
    if (left < 0) return id
  }
  return candidates[size - 1] ?? 0
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
