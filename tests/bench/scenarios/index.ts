/** All scenarios of a run, in the order in which they are done. */
import { conversation } from './conversation'
import type { Scenario } from './scenario'
import { speed } from './speed'

export const scenarios = (): Scenario[] => [conversation(), speed()]
