/** Samples as what docs/performance.json holds: one row a measure and whatever it is held against. Pure. */
import { type Measure, type MeasureId, measures, type PeerName, type Samples, type YardstickName } from '../measures'
import { type Spread, spreadOf, timesBetter } from '../statistics'

/** Where figures come from. */
export type Origin = {
  readonly command: string
  /** Day of the run, ISO. */
  readonly date: string
  readonly machine: string
  readonly browser: string
}

export type Row = Origin & {
  readonly measure: MeasureId
  /** Medians, in the measure's unit. */
  readonly ours: number
  readonly peer: number
  readonly peerName: PeerName | YardstickName
  /** How many times better ours is. */
  readonly ratio: number
  /** The least ratio that will do; null: none is set. */
  readonly bar: number | null
  /** Each with its number of visits. */
  readonly spread: { readonly ours: Spread; readonly peer: Spread }
}

/** A row for each measure and whatever it is held against, where both have samples; in the order of `measures`. */
export function rowsOf(samples: Samples, { command, date, machine, browser }: Origin): Row[] {
  return (Object.entries(measures) as [MeasureId, Measure][]).flatMap(([measure, { better, against }]) => {
    const ours = samples[measure]?.ours
    if (!ours) return []
    return (Object.entries(against) as [PeerName | YardstickName, number | null][]).flatMap(([peerName, bar]) => {
      const values = samples[measure]?.[peerName]
      if (!values) return []
      const spread = { ours: spreadOf(ours), peer: spreadOf(values) }
      const [mine, theirs] = [spread.ours.median, spread.peer.median]
      const ratio = timesBetter(mine, theirs, better)
      return [{ measure, ours: mine, peer: theirs, peerName, ratio, bar, spread, command, date, machine, browser }]
    })
  })
}

/**
 * `now`, and of an earlier report the rows of what was not measured again, so that groups may be measured one by one; in
 * the order of `measures`. Rows of another machine or browser are left out: figures of both would be read as one table's.
 */
export function mergedRows(
  before: readonly Row[],
  now: readonly Row[],
  { machine, browser }: Pick<Origin, 'machine' | 'browser'>,
): Row[] {
  const again = new Set(now.map(({ measure }) => measure))
  const kept = before.filter((row) => !again.has(row.measure) && row.machine === machine && row.browser === browser)
  const all = grouped([...kept, ...now], ({ measure }) => measure)
  return (Object.keys(measures) as MeasureId[]).flatMap((measure) => all.get(measure) ?? [])
}

/** Values by what `key` makes of them, in their order. */
export function grouped<Value, Key>(values: readonly Value[], key: (value: Value) => Key): Map<Key, Value[]> {
  const groups = new Map<Key, Value[]>()
  for (const value of values) groups.set(key(value), [...(groups.get(key(value)) ?? []), value])
  return groups
}
