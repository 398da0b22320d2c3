import { type AnswerEvent, type AnswerStats, type GenerationOptions, ValleyError } from '../../workers/protocol'
import type { ChatTurn } from '../chat/reducer'
import type { Clip } from '../clip/reducer'
import { type EmbedTexts, nearestAnswer } from '../moments/evidence'

/** Varied enough for four different answers, steady enough for each to make sense. */
const temperature = 0.7

export type Candidate = { readonly answer: string; readonly reason: 'end' | 'length'; readonly stats: AnswerStats }

export type Tries = {
  /** How many answers are sampled. */
  readonly times: number
  readonly ask: (options: GenerationOptions) => AsyncIterable<AnswerEvent>
  readonly embed: EmbedTexts
  readonly clip: Clip
  /** The turn with the answer that is to be bettered. */
  readonly turn: ChatTurn
  readonly generation: GenerationOptions
  readonly signal: AbortSignal
  readonly onTried: (done: number) => void
}

/**
 * The best of several sampled answers by CLIP similarity to the frames; null where the old one is as good.
 * @throws ValleyError as Engine.ask and Engine.embedTexts; no-text-tower before anything is sampled
 */
export async function chooseAnswer(tries: Tries): Promise<Candidate | null> {
  const { times, ask, embed, clip, turn, generation, signal, onTried } = tries
  // Before anything is sampled in vain.
  if ((await nearestAnswer(embed, clip, [turn.answer], signal)) === null) throw new ValleyError('no-text-tower')
  const candidates: Candidate[] = []
  for (let done = 0; done < times; done++) {
    const candidate = await gathered(ask({ ...generation, temperature, beams: 1 }))
    if (candidate) candidates.push(candidate)
    onTried(done + 1)
  }
  const answers = [turn.answer, ...candidates.map(({ answer }) => answer)]
  const best = await nearestAnswer(embed, clip, answers, signal)
  return best === null || best === 0 ? null : (candidates[best - 1] ?? null)
}

async function gathered(events: AsyncIterable<AnswerEvent>): Promise<Candidate | null> {
  let text = ''
  for await (const event of events) {
    if (event.type === 'text') text += event.text
    else if (event.type === 'done' && text.trim() !== '') {
      return { answer: text.trim(), reason: event.reason, stats: event.stats }
    }
  }
  return null
}
