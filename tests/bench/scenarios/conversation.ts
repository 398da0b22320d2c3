/** Ten questions about one clip. The app's first conversation is the one that every peer is asked to go on from. */
import { benchClip } from '../assets/clips'
import { talk } from '../contenders/our-clips'
import { transformersTalk } from '../contenders/peers'
import type { ContenderName, Figures } from '../measures'
import type { Conversation } from '../questions'
import type { Scenario, Visit } from './scenario'

/** Questions that are timed, from 0. */
const timed = [0, 1, 9] as const

export function conversation(): Scenario {
  let said: Conversation = []
  const clip = () => benchClip('h264', '720p')
  const app: Visit = async (stage) => {
    const answered = await talk(stage, await clip())
    if (said.length === 0) said = answered
    return { ours: firstTokens(timed.map((at) => answered[at]?.firstTokenMs ?? Number.NaN)) }
  }
  const library: Visit = async (stage) => ({
    'transformers.js': firstTokens(await transformersTalk(stage, await clip(), said, timed)),
  })
  return {
    measures: ['clip-first-token', 'question-2-first-token', 'question-10-first-token'],
    visits: new Map<ContenderName, Visit>([
      ['ours', app],
      ['transformers.js', library],
    ]),
  }
}

const firstTokens = ([first = Number.NaN, second = Number.NaN, tenth = Number.NaN]: readonly number[]): Figures => ({
  'clip-first-token': first,
  'question-2-first-token': second,
  'question-10-first-token': tenth,
})
