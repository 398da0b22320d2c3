/** A clip that is there when the app becomes ready, before it could warm up, beside one that a person took time to choose. */
import { benchClip } from '../assets/clips'
import { talk } from '../contenders/our-clips'
import type { ContenderName } from '../measures'
import { clipQuestions } from '../questions'
import type { Scenario, Visit } from './scenario'

export function atOnce(): Scenario {
  const visit =
    (contender: ContenderName, atOnce: boolean): Visit =>
    async (stage) => {
      const [answered] = await talk(stage, await benchClip('h264', '720p'), clipQuestions.slice(0, 1), { atOnce })
      return { [contender]: { 'clip-at-once-first-token': answered?.firstTokenMs ?? Number.NaN } }
    }
  return {
    measures: ['clip-at-once-first-token'],
    visits: new Map<ContenderName, Visit>([
      ['ours', visit('ours', true)],
      ['the clip three seconds later', visit('the clip three seconds later', false)],
    ]),
  }
}
