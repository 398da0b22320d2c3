/** The curve of a search: where it peaks, and its line through the sampled frames. Pure. */

/** How well the frame at `timestamp` (seconds) fits the words: cosine, -1 to 1. */
export type CurvePoint = { readonly timestamp: number; readonly similarity: number }

/** Share of the curve's range by which a peak must stand out from the valleys beside it. */
const standsOut = 0.2
/** Share of the clip that two peaks are apart at least; the lower one goes. */
const apart = 0.1
const mostPeaks = 5

/**
 * Indices of the points that stand out, in order of time; the best point always does.
 * @param points  ascending in time
 * @param duration  of the clip, seconds
 */
export function findPeaks(points: readonly CurvePoint[], duration: number): number[] {
  const values = points.map(({ similarity }) => similarity)
  const range = Math.max(...values) - Math.min(...values)
  const best = values.indexOf(Math.max(...values))
  const byHeight = values
    .map((_, index) => index)
    .filter((index) => index === best || (range > 0 && prominence(values, index) >= standsOut * range))
    .sort((a, b) => (values[b] as number) - (values[a] as number) || a - b)
  const taken: number[] = []
  const at = (index: number) => (points[index] as CurvePoint).timestamp
  for (const index of byHeight) {
    if (taken.length === mostPeaks) break
    if (taken.every((other) => Math.abs(at(other) - at(index)) >= apart * duration)) taken.push(index)
  }
  return taken.sort((a, b) => a - b)
}

/** How far one must go down from a point before it goes up higher than it; 0 where it is no local maximum. */
function prominence(values: readonly number[], index: number): number {
  const own = values[index] as number
  const drop = (step: -1 | 1) => {
    let lowest = own
    for (let at = index + step; at >= 0 && at < values.length; at += step) {
      const value = values[at] as number
      // Of a plateau the first point is the peak.
      if (value > own || (value === own && step < 0)) return own - lowest
      lowest = Math.min(lowest, value)
    }
    // The curve ends before it rises again: that side sets no limit.
    return Number.POSITIVE_INFINITY
  }
  const least = Math.min(drop(-1), drop(1))
  return least === Number.POSITIVE_INFINITY ? own - Math.min(...values) : least
}

export type Spot = { readonly x: number; readonly y: number }

/**
 * SVG path through all spots, smooth and without overshoot (monotone cubic, Fritsch and Carlson): between two frames it
 * never claims more than the better of them.
 * @param spots  ascending in x
 */
export function smoothPath(spots: readonly Spot[]): string {
  const [first] = spots
  if (!first) return ''
  const slope = (a: Spot, b: Spot) => (b.y - a.y) / (b.x - a.x)
  const tangents = spots.map((spot, index) => {
    const before = spots[index - 1]
    const after = spots[index + 1]
    if (!before || !after) return before ? slope(before, spot) : after ? slope(spot, after) : 0
    const [left, right] = [slope(before, spot), slope(spot, after)]
    // A peak or a valley is flat; elsewhere the harmonic mean, which stays within three times the flatter side.
    return left * right <= 0 ? 0 : (2 * left * right) / (left + right)
  })
  const number = (value: number) => Number(value.toFixed(2))
  let path = `M${number(first.x)},${number(first.y)}`
  spots.slice(1).forEach((to, index) => {
    const from = spots[index] as Spot
    const third = (to.x - from.x) / 3
    const out = from.y + third * (tangents[index] as number)
    const into = to.y - third * (tangents[index + 1] as number)
    path += `C${[from.x + third, out, to.x - third, into, to.x, to.y].map(number).join(',')}`
  })
  return path
}
