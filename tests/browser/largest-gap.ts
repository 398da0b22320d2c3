/** How far apart two arrays are at most, element by element. Throws a RangeError where their lengths differ. */
export function largestGap(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new RangeError(`${a.length} values against ${b.length}`)
  let largest = 0
  // NaN must count as a gap: Math.max would pass it on, a comparison would hide it.
  for (const [at, value] of a.entries()) largest = Math.max(largest, Math.abs(value - (b[at] as number)))
  return largest
}
