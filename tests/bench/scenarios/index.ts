/** All scenarios of a run, in the order in which they are done. */

import { atOnce } from './at-once'
import { conversation } from './conversation'
import { clipToTokens, overlap } from './frames'
import { growth } from './growth'
import { kvCurve } from './kv-curve'
import { mainThread, memory, secondQuestion } from './length'
import { readback } from './readback'
import type { Scenario } from './scenario'
import { speed } from './speed'
import { starts } from './start'

export const scenarios = (): Scenario[] => [
  ...starts(),
  conversation(),
  atOnce(),
  speed(),
  kvCurve(),
  clipToTokens(),
  overlap(),
  secondQuestion(),
  memory(),
  mainThread(),
  ...readback(),
  ...growth(),
]
