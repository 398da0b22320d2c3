/** Samples as what docs/performance.json holds: one row a measure and peer. Pure. */
import { type Measure, type MeasureId, measures, type PeerName, type Samples } from '../measures'
import { type Spread, spreadOf, timesBetter } from '../statistics'

export type Row = {
  readonly measure: MeasureId
  /** Medians, in the measure's unit. */
  readonly ours: number
  readonly peer: number
  readonly peerName: PeerName
  /** How many times better ours is. */
  readonly ratio: number
  /** The least ratio that will do; null: none is set. */
  readonly bar: number | null
  readonly spread: { readonly ours: Spread; readonly peer: Spread }
  readonly command: string
}

/** A row for each measure and peer that both have samples; in the order of `measures`. */
export function rowsOf(samples: Samples, command: string): Row[] {
  return (Object.entries(measures) as [MeasureId, Measure][]).flatMap(([measure, { better, peers }]) => {
    const ours = samples[measure]?.ours
    if (!ours) return []
    return (Object.entries(peers) as [PeerName, number | null][]).flatMap(([peerName, bar]) => {
      const values = samples[measure]?.[peerName]
      if (!values) return []
      const spread = { ours: spreadOf(ours), peer: spreadOf(values) }
      const [mine, theirs] = [spread.ours.median, spread.peer.median]
      const ratio = timesBetter(mine, theirs, better)
      return [{ measure, ours: mine, peer: theirs, peerName, ratio, bar, spread, command }]
    })
  })
}

/** Rows by measure, in their order. */
export function byMeasure(rows: readonly Row[]): Map<MeasureId, Row[]> {
  const groups = new Map<MeasureId, Row[]>()
  for (const row of rows) groups.set(row.measure, [...(groups.get(row.measure) ?? []), row])
  return groups
}
