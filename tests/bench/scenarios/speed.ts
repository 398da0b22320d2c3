/** One long question and one long answer, of text alone: the decoder and nothing else. */
import { chat, type Speeds } from '../contenders/ours'
import { peerChat } from '../contenders/peers'
import type { ContenderName, Figures, PeerName } from '../measures'
import type { Scenario, Visit } from './scenario'

const figures = ({ prefill, decode }: Speeds): Figures => ({ prefill, decode })
const peers: readonly PeerName[] = ['transformers.js', 'wllama Q8_0']

export function speed(): Scenario {
  const visits = new Map<ContenderName, Visit>([['ours', async (stage) => figures(await chat(stage))]])
  for (const name of peers) visits.set(name, async (stage) => figures(await peerChat(stage, name)))
  return { measures: ['decode', 'prefill'], visits }
}
