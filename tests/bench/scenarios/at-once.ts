/**
 * A clip that is there when the app becomes ready, before it could warm up, and one that a person took three seconds to choose;
 * with the warm-up and without: what it costs the one and saves the other.
 */
import { benchClip } from '../assets/clips'
import { talk } from '../contenders/our-clips'
import type { ContenderName } from '../measures'
import { clipQuestions } from '../questions'
import type { Stage } from '../visit'
import type { Scenario, Visit } from './scenario'

export function atOnce(): Scenario {
  const firstToken = async (stage: Stage, atOnce: boolean, parameters: Readonly<Record<string, string>>) => {
    const clip = await benchClip('h264', '720p')
    const [answered] = await talk(stage, clip, clipQuestions.slice(0, 1), { atOnce, parameters })
    return answered?.firstTokenMs ?? Number.NaN
  }
  const visit =
    (contender: ContenderName, parameters: Readonly<Record<string, string>>): Visit =>
    async (stage) => ({
      [contender]: {
        'clip-at-once-first-token': await firstToken(stage, true, parameters),
        'clip-later-first-token': await firstToken(stage, false, parameters),
      },
    })
  return {
    measures: ['clip-at-once-first-token', 'clip-later-first-token'],
    visits: new Map<ContenderName, Visit>([
      ['ours', visit('ours', {})],
      ['without a warm-up', visit('without a warm-up', { 'warm-up': 'off' })],
    ]),
  }
}
