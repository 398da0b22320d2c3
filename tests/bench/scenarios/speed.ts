/** One long question and one long answer, of text alone: the decoder and nothing else. */
import { chat, type Speeds } from '../contenders/ours'
import { peerChat } from '../contenders/peers'
import { type ContenderName, type Figures, peerNames } from '../measures'
import type { Scenario, Visit } from './scenario'

const figures = ({ prefill, decode }: Speeds): Figures => ({ prefill, decode })

export function speed(): Scenario {
  const visits = new Map<ContenderName, Visit>([['ours', async (stage) => ({ ours: figures(await chat(stage)) })]])
  for (const name of peerNames) visits.set(name, async (stage) => ({ [name]: figures(await peerChat(stage, name)) }))
  return { measures: ['decode', 'prefill'], visits }
}
