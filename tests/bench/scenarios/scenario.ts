/** What is done on each visit, and which figures it gives. */
import type { ContenderName, Figures, MeasureId } from '../measures'
import type { Stage } from '../visit'

/** Figures by whose they are: a visit to the app may bring what they are held against with it. */
export type Seen = Partial<Record<ContenderName, Figures>>
export type Visit = (stage: Stage) => Promise<Seen>
export type Scenario = {
  readonly measures: readonly MeasureId[]
  /** In the order of the first repeat. */
  readonly visits: ReadonlyMap<ContenderName, Visit>
  /** Visits that are enough, where every one gives the same or takes minutes; as many as asked for where absent. */
  readonly mostRepeats?: number
}
