/** What is done on each visit, and which figures it gives. */
import type { ContenderName, Figures, MeasureId } from '../measures'
import type { Stage } from '../visit'

export type Visit = (stage: Stage) => Promise<Figures>
export type Scenario = {
  readonly measures: readonly MeasureId[]
  /** In the order of the first repeat; the app is first. */
  readonly visits: ReadonlyMap<ContenderName, Visit>
}
