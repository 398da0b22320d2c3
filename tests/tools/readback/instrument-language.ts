import { instrument } from './instrument'

instrument('language')
