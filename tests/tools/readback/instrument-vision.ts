import { instrument } from './instrument'

instrument('vision')
