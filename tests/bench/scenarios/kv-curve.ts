/** What a further token costs where more and more positions are cached. */
import { tokenTimes } from '../contenders/our-tokens'
import { type ContenderName, type ContextId, contextPoints, type Figures } from '../measures'
import type { Scenario, Visit } from './scenario'

const ids = contextPoints.map((positions): ContextId => `token-at-${positions}`)

export function kvCurve(): Scenario {
  const visit: Visit = async (stage) => {
    const times = await tokenTimes(stage, contextPoints)
    const ours: Figures = Object.fromEntries(ids.map((id, index) => [id, times[index]]))
    const [first] = times
    return { ours, '64 positions': Object.fromEntries(ids.map((id) => [id, first])) }
  }
  return { measures: ids, visits: new Map<ContenderName, Visit>([['ours', visit]]) }
}
