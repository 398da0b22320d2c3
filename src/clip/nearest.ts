/** Index of the one of `times` that is closest to `time`, of two the first; -1 where there is none. */
export function nearest(times: readonly number[], time: number): number {
  let best = -1
  times.forEach((candidate, index) => {
    if (best < 0 || Math.abs(candidate - time) < Math.abs((times[best] ?? 0) - time)) best = index
  })
  return best
}
