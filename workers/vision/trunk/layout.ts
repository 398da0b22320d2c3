/** Buffers that are needed at different times share memory. */

export type Lifetime = { readonly floats: number; readonly from: number; readonly to: number }

/**
 * An offset for each buffer, in floats, so that no two overlap that live at the same time (`from` to `to`, both included): the
 * largest first, each at the lowest place that is free for as long as it lives.
 */
export function layOut(buffers: ReadonlyMap<string, Lifetime>): { places: Map<string, number>; floats: number } {
  const places = new Map<string, number>()
  const placed: (Lifetime & { start: number })[] = []
  let floats = 0
  for (const [name, buffer] of [...buffers].sort(([, one], [, other]) => other.floats - one.floats)) {
    let start = 0
    const beside = placed.filter((other) => other.from <= buffer.to && buffer.from <= other.to)
    for (const other of beside.sort((one, two) => one.start - two.start)) {
      if (other.start < start + buffer.floats && start < other.start + other.floats)
        start = aligned(other.start + other.floats)
    }
    places.set(name, start)
    placed.push({ ...buffer, start })
    floats = Math.max(floats, start + buffer.floats)
  }
  return { places, floats }
}

/** To the next cache line. */
const aligned = (floats: number): number => Math.ceil(floats / 16) * 16
