/** Samples as what docs/performance.json holds: one row a measure and whatever it is held against. Pure. */
import { type Measure, type MeasureId, measures, type PeerName, type Samples, type YardstickName } from '../measures'
import { type Spread, spreadOf, timesBetter } from '../statistics'

export type Row = {
  readonly measure: MeasureId
  /** Medians, in the measure's unit. */
  readonly ours: number
  readonly peer: number
  readonly peerName: PeerName | YardstickName
  /** How many times better ours is. */
  readonly ratio: number
  /** The least ratio that will do; null: none is set. */
  readonly bar: number | null
  readonly spread: { readonly ours: Spread; readonly peer: Spread }
  readonly command: string
}

/** A row for each measure and whatever it is held against, where both have samples; in the order of `measures`. */
export function rowsOf(samples: Samples, command: string): Row[] {
  return (Object.entries(measures) as [MeasureId, Measure][]).flatMap(([measure, { better, against }]) => {
    const ours = samples[measure]?.ours
    if (!ours) return []
    return (Object.entries(against) as [PeerName | YardstickName, number | null][]).flatMap(([peerName, bar]) => {
      const values = samples[measure]?.[peerName]
      if (!values) return []
      const spread = { ours: spreadOf(ours), peer: spreadOf(values) }
      const [mine, theirs] = [spread.ours.median, spread.peer.median]
      const ratio = timesBetter(mine, theirs, better)
      return [{ measure, ours: mine, peer: theirs, peerName, ratio, bar, spread, command }]
    })
  })
}

/** Values by what `key` makes of them, in their order. */
export function grouped<Value, Key>(values: readonly Value[], key: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value])
  return groups
}
