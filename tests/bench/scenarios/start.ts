/** From opening the page to being ready for a question: in a browser that was never here, and in one that was. */
import { inNewProfile, start } from '../contenders/ours'
import { peerStart } from '../contenders/peers'
import type { ContenderName, PeerName } from '../measures'
import type { Stage } from '../visit'
import type { Scenario, Visit } from './scenario'

const peers: readonly PeerName[] = ['transformers.js', 'wllama Q8_0']

/** The first of the later visits is a later one too: before a run everybody was here once (run.ts). */
export function starts(): Scenario[] {
  const of = (name: ContenderName) => (stage: Stage) =>
    name === 'ours' ? start(stage) : peerStart(stage, name as PeerName)
  const names: readonly ContenderName[] = ['ours', ...peers]
  const cold = (name: ContenderName): Visit => {
    const run = of(name)
    return async (stage) => ({
      [name]: { 'cold-start': await inNewProfile((context) => run({ ...stage, context })) },
    })
  }
  const warm = (name: ContenderName): Visit => {
    const run = of(name)
    return async (stage) => ({ [name]: { 'warm-start': await run(stage) } })
  }
  return [
    { measures: ['cold-start'], visits: new Map(names.map((name) => [name, cold(name)])) },
    { measures: ['warm-start'], visits: new Map(names.map((name) => [name, warm(name)])) },
  ]
}
