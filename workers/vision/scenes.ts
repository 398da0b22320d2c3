/** Where a clip changes, by its frames' CLIP vectors alone. */

/** Frames from `start` to before `end`. */
export type Scene = { readonly start: number; readonly end: number }

/** A way to cut the frames before some end: the sum of its parts' nearness, and where the parts begin. */
type Cut = { readonly nearness: number; readonly starts: readonly number[] }

/** Sums of equal frames differ in their last bits. */
const tie = 1e-6

/**
 * Cuts a clip of T frames, vectors of length 1, into min(T, `most`) parts that follow each other, so that its frames lie
 * as near as they can to the mean of their part: least squares, by dynamic programming in O(T^2 x most). Of equal ways
 * the one with the earlier cuts. As `scenes` of training/retrieval.py.
 */
export function cutScenes(frames: readonly ArrayLike<number>[], most: number): Scene[] {
  const total = frames.length
  const near = nearnessOf(frames)
  let best: Cut[] = Array.from({ length: total + 1 }, (_, end) => ({ nearness: end && near(0, end), starts: [0] }))
  for (let parts = 2; parts <= Math.min(total, most); parts++) {
    const before = best
    best = before.map((_, end) => {
      if (end < parts) return { nearness: Number.NEGATIVE_INFINITY, starts: [] }
      const ways: Cut[] = []
      for (let start = parts - 1; start < end; start++) {
        const { nearness, starts } = before[start] as Cut
        ways.push({ nearness: nearness + near(start, end), starts: [...starts, start] })
      }
      const top = Math.max(...ways.map(({ nearness }) => nearness))
      return ways.find(({ nearness }) => nearness >= top - tie) as Cut
    })
  }
  const starts = total === 0 ? [] : (best[total] as Cut).starts
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? total }))
}

/** Of frames of length 1: what the sum of squares within a part falls short of their number. */
function nearnessOf(frames: readonly ArrayLike<number>[]): (start: number, end: number) => number {
  const size = frames[0]?.length ?? 0
  const sums = [new Float64Array(size)]
  for (const [index, frame] of frames.entries()) {
    sums.push((sums[index] as Float64Array).map((sum, at) => sum + (frame[at] as number)))
  }
  return (start, end) => {
    const [from, to] = [sums[start] as Float64Array, sums[end] as Float64Array]
    let square = 0
    for (let at = 0; at < size; at++) square += ((to[at] as number) - (from[at] as number)) ** 2
    return square / (end - start)
  }
}
