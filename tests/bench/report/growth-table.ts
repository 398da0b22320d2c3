/** Rows of growth as tables: a line for each value of what grows. Pure. */
import { type Grown, grown, grownTitles, growthId, growthPoints, type Variable } from '../measures'
import type { Row } from './rows'

export type GrowthTable = {
  readonly variable: Variable
  readonly columns: readonly string[]
  /** `cells` by column; undefined where it was not measured. */
  readonly points: readonly {
    readonly at: number
    readonly cells: readonly ({ readonly ours: number; readonly theory: number } | undefined)[]
  }[]
  /** Days of the runs, ISO. */
  readonly dates: readonly string[]
}

/** A table for each variable that has rows. */
export function growthTables(rows: readonly Row[]): GrowthTable[] {
  const byMeasure = new Map(rows.map((row) => [row.measure, row]))
  return (Object.keys(growthPoints) as Variable[]).flatMap((variable) => {
    const what: readonly Grown[] = grown[variable]
    const dates = new Set<string>()
    const points = growthPoints[variable].flatMap((at) => {
      const cells = what.map((each) => {
        const row = byMeasure.get(growthId(each, variable, at))
        if (row) dates.add(row.date)
        return row && { ours: row.ours, theory: row.peer }
      })
      return cells.some(Boolean) ? [{ at, cells }] : []
    })
    return points.length > 0
      ? [{ variable, columns: what.map((each) => grownTitles[each]), points, dates: [...dates] }]
      : []
  })
}
