import type { LoadStage } from '../../workers/protocol'
import type { ComponentState } from './component'

/** Where each stage begins on the way from nothing (0) to loaded (1), roughly as long as stages take at first load. */
const stageStart: Readonly<Record<LoadStage, number>> = {
  manifest: 0,
  download: 0.02,
  verify: 0.4,
  derive: 0.5,
  session: 0.85,
  'warm-up': 0.95,
}
const stages = Object.keys(stageStart) as LoadStage[]

/** How much of a component's load is done, 0 to 1. */
export function loadShare(state: ComponentState<unknown>): number {
  if (state.status === 'ready') return 1
  if (state.status === 'failed' || !state.progress) return 0
  const { stage, done, total } = state.progress
  const start = stageStart[stage]
  const next = stages[stages.indexOf(stage) + 1]
  const end = next ? stageStart[next] : 1
  return start + (end - start) * (total > 0 ? Math.min(1, done / total) : 0)
}
