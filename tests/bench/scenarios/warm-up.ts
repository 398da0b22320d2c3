/** What the encoder's warm-up takes while a person chooses a clip, and what that clip then takes less. */
import { encodeFirstClip } from '../contenders/encoder-alone'
import type { ContenderName } from '../measures'
import type { Scenario, Visit } from './scenario'

/** Frames of the clip. */
const frames = 8

export function warmUp(): Scenario {
  const visit: Visit = async (stage) => {
    const cold = await encodeFirstClip(stage, frames, { warmUp: false })
    const warm = await encodeFirstClip(stage, frames, { warmUp: true })
    const saved = cold.clipMs - warm.clipMs
    return {
      ours: {
        'warm-up-wait': Math.max(...warm.stepsMs),
        'warm-up-work': warm.stepsMs.reduce((sum, ms) => sum + ms, 0),
      },
      'what a first clip takes less': { 'warm-up-wait': saved, 'warm-up-work': saved },
    }
  }
  return {
    measures: ['warm-up-wait', 'warm-up-work'],
    visits: new Map<ContenderName, Visit>([['ours', visit]]),
  }
}
