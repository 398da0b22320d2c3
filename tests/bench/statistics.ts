/** What many repeats of one figure come down to. Pure. */

/** How a figure gets better. */
export type Better = 'lower' | 'higher'

export type Spread = {
  readonly median: number
  /** Lower and upper quartile. */
  readonly quartiles: readonly [number, number]
  readonly repeats: number
}

/**
 * The `share` quantile (0 to 1) of `values`, by linear interpolation between order statistics (R's type 7).
 * Throws RangeError where there are none, or where one is not a finite number.
 */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0 || !values.every(Number.isFinite)) throw new RangeError(`no quantile of [${values}]`)
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * share
  const below = Math.floor(place)
  const [low = 0, high = low] = sorted.slice(below, below + 2)
  return low + (place - below) * (high - low)
}

/** Median and quartiles. Throws as `quantile`. */
export function spreadOf(values: readonly number[]): Spread {
  return {
    median: quantile(values, 0.5),
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    repeats: values.length,
  }
}

/** How many times better `ours` is than `peer`: above 1 where ours wins. Two zeros are equal; a zero divisor gives Infinity. */
export function timesBetter(ours: number, peer: number, better: Better): number {
  const [upper, lower] = better === 'higher' ? [ours, peer] : [peer, ours]
  return upper === lower ? 1 : upper / lower
}
