import type { AnswerEvent, AskRequest, EncodeEvent, VisionInfo } from '../../workers/protocol'
import { asksWhen } from '../moments/asks-when'
import type { EmbedTexts } from '../moments/evidence'
import type { ComponentState } from './component'
import type { Questions } from './questions'
import { type SeenClip, SeenFrames } from './seen-frames'

/** Questions as they come, told what the frames say of an order where they ask for one and the pack learnt to be told. */
export class ToldQuestions {
  readonly #questions: Questions
  readonly #vision: { readonly state: ComponentState<VisionInfo> }
  readonly #embedTexts: EmbedTexts
  readonly #seen = new SeenFrames()

  constructor(questions: Questions, vision: { readonly state: ComponentState<VisionInfo> }, embedTexts: EmbedTexts) {
    this.#questions = questions
    this.#vision = vision
    this.#embedTexts = embedTexts
  }

  /** Is shown every event of a clip's encoding. */
  watch(clipId: string, event: EncodeEvent): void {
    this.#seen.watch(clipId, event)
  }

  forget(clipId: string): void {
    this.#seen.forget(clipId)
  }

  async *ask(request: AskRequest, signal: AbortSignal): AsyncGenerator<AnswerEvent, void, undefined> {
    const clip = this.#toldBy(request.clipId, [request, ...request.turns].map(({ question }) => question).join('\n'))
    if (!clip) return yield* this.#questions.ask(request, signal)
    const { askInOrder } = await import('./told-order')
    yield* askInOrder(clip, request, this.#embedTexts, this.#questions, signal)
  }

  score: Questions['score'] = async (clipId, question, ...call) =>
    this.#questions.score(clipId, await this.#told(clipId, question, call[2]), ...call)
  force: Questions['force'] = async (clipId, question, ...call) =>
    this.#questions.force(clipId, await this.#told(clipId, question, call[2]), ...call)

  /** The clip by whose frames one of the questions is to be told an order; undefined: none is, or the pack did not learn to be. */
  #toldBy(clipId: string | null, questions: string): SeenClip | undefined {
    const { state } = this.#vision
    return state.status === 'ready' && state.info.tellsOrder && asksWhen(questions) ? this.#seen.of(clipId) : undefined
  }

  async #told(clipId: string | null, question: string, signal: AbortSignal): Promise<string> {
    const clip = this.#toldBy(clipId, question)
    if (!clip) return question
    const { tellOrder } = await import('./told-order')
    return (await tellOrder(clip, question, this.#embedTexts, signal)).question
  }
}
