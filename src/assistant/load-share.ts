import type { LoadProgress, LoadStage } from '../../workers/protocol'
import type { ComponentState } from './component'

/** How much of a first load each stage is, roughly by the time that it takes. Together 1. */
const weights: Readonly<Record<LoadStage, number>> = {
  manifest: 0.02,
  download: 0.38,
  verify: 0.1,
  derive: 0.35,
  session: 0.1,
  'warm-up': 0.05,
}
const stages = Object.keys(weights) as LoadStage[]
const sessionAt = stages.indexOf('session')

/** How far one load is, 0 to 1, from its reports. Never goes back, whatever they say: files are fetched and prepared side by side. */
export class LoadShare {
  readonly #done = new Map<LoadStage, number>()
  #share = 0

  /** @returns the share after this report */
  take({ stage, done, total }: LoadProgress): number {
    this.#done.set(stage, total > 0 ? Math.min(1, done / total) : 0)
    const at = stages.indexOf(stage)
    for (const [index, earlier] of stages.entries()) {
      // A session begins once all is there; what is kept from a visit before is neither fetched nor prepared again.
      if (index < at && (at >= sessionAt || earlier === 'manifest')) this.#done.set(earlier, 1)
    }
    let share = 0
    for (const [each, part] of this.#done) share += weights[each] * part
    this.#share = Math.max(this.#share, share)
    return this.#share
  }
}

/** How much of a component's load is done, 0 to 1. */
export function loadShare(state: ComponentState<unknown>): number {
  if (state.status === 'ready') return 1
  return state.status === 'loading' ? state.share : 0
}
