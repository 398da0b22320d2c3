/**
 * Questions that ask which of two things comes first are told what the frames say of it, for packs that were trained so.
 * Loaded when such a question comes.
 */
import type { AnswerEvent, AskRequest } from '../../workers/protocol'
import type { EmbedTexts } from '../moments/evidence'
import { inTime, phrasesOf, told } from '../moments/phrase-order'
import { isCode, type Questions } from './questions'
import type { SeenClip, Told } from './seen-frames'

/**
 * Asks with the order told in every question of the request; the last event says what of this one. Earlier questions are told
 * the same again, so that the decoder's cache still fits.
 */
export async function* askInOrder(
  clip: SeenClip,
  request: AskRequest,
  embedTexts: EmbedTexts,
  questions: Pick<Questions, 'ask'>,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent, void, undefined> {
  const begun = performance.now()
  const turns = []
  for (const turn of request.turns) {
    turns.push({ ...turn, question: (await tellOrder(clip, turn.question, embedTexts, signal)).question })
  }
  const { question, order } = await tellOrder(clip, request.question, embedTexts, signal)
  const took = performance.now() - begun
  for await (const event of questions.ask({ ...request, turns, question }, signal)) {
    if (event.type !== 'done' || !order) yield event
    else {
      const timeToFirstToken = event.stats.timeToFirstToken + took
      yield { ...event, stats: { ...event.stats, timeToFirstToken, order } }
    }
  }
}

/** The question as it is where it asks for no order, the frames tell none or no text tower can be had. @throws ValleyError aborted */
export async function tellOrder(
  { frames, told: known }: SeenClip,
  question: string,
  embedTexts: EmbedTexts,
  signal: AbortSignal,
): Promise<Told> {
  if (frames.length < 2) return { question }
  const before = known.get(question)
  if (before) return before
  try {
    const phrases = phrasesOf(question)
    const order = phrases && inTime(phrases, await embedTexts(phrases, signal), frames)
    const result = order ? { question: `${question} ${told(question, order)}`, order } : { question }
    known.set(question, result)
    return result
  } catch (thrown) {
    if (isCode(thrown, 'aborted')) throw thrown
    console.warn('the order was not told', thrown)
    return { question }
  }
}
