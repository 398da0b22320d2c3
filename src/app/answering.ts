import type { AskRequest, GenerationOptions } from '../../workers/protocol'
import { toValleyError, ValleyError } from '../../workers/protocol'
import type { Engine } from '../assistant/engine'
import type { LiveAnswer } from '../chat/live-answer'
import { type ChatAction, type ChatTurn, findTurn, historyBefore } from '../chat/reducer'
import type { Conversation } from '../conversations/model'
import { askByParts, type Segment, segmentsAsText, withSegment } from '../moments/segments'
import type { Workspace } from './workspace'

/** How many answers are sampled where a better one is wanted. */
const harderTries = 4

export type AnsweringEngine = Pick<Engine, 'ask' | 'embedTexts' | 'encode' | 'forget'>

/**
 * Makes changes that the screen may take its time with. How an answer gets on is drawn while the engine has all cores: in
 * one go that would take the page long enough to miss a key.
 */
export type Gently = (changes: () => void) => void

export type AnsweringOptions = {
  readonly engine: AnsweringEngine
  readonly workspace: Workspace
  readonly live: LiveAnswer
  readonly generation: () => GenerationOptions
  readonly gently: Gently
  /** The text so far of an answer that is being written. */
  readonly onText: (conversation: Conversation, turnId: string, text: string) => void
  /** An answer ended; nothing is being answered at this moment. */
  readonly onIdle: () => void
}

type Running = {
  readonly conversationId: string
  readonly turnId: string
  readonly clipId: string
  readonly controller: AbortController
}

/** Answers questions one at a time, those of the conversation on the screen first. */
export class Answering {
  readonly #options: AnsweringOptions
  #running: Running | null = null
  readonly #closing = new AbortController()
  /** Conversations in which evidence is looked for, once for each answer. */
  readonly #seeking: string[] = []

  constructor(options: AnsweringOptions) {
    this.#options = options
  }

  get running(): Readonly<Pick<Running, 'conversationId' | 'turnId' | 'clipId'>> | null {
    return this.#running
  }

  /** Something is still to come into the conversation. */
  isBusyWith({ id, chat, clips }: Conversation): boolean {
    const waits = ({ status, clipId }: ChatTurn) =>
      status === 'waiting' && clips.clips[clipId ?? '']?.status === 'ready'
    return this.#running?.conversationId === id || this.#seeking.includes(id) || chat.turns.some(waits)
  }

  /** Sends the oldest waiting question whose clip is ready, if nothing is being answered. */
  next(): void {
    this.#options.gently(() => this.#next())
  }

  #next(): void {
    if (this.#running) return
    for (const conversation of this.#options.workspace.loaded) {
      const { clips } = conversation.clips
      const turn = conversation.chat.turns.find(
        ({ status, clipId }) => status === 'waiting' && clipId !== null && clips[clipId]?.status === 'ready',
      )
      if (!turn?.clipId) continue
      const running = this.#begin(conversation.id, turn.id, turn.clipId)
      return void (turn.segments ? this.#answerByParts(running, turn) : this.#answer(running, turn))
    }
    this.#options.onIdle()
  }

  /** Samples several answers to a question that has one and keeps the one that fits the frames best, the old one included. */
  tryHarder(conversation: Conversation, turn: ChatTurn): void {
    if (this.#running || turn.clipId === null || turn.answer === '') return
    void this.#try(this.#begin(conversation.id, turn.id, turn.clipId), turn)
  }

  /** Ends the answer that is being written and keeps what there is of it. */
  stop(): void {
    const running = this.#running
    if (!running) return
    const { live } = this.#options
    this.#end(running, { type: 'stopped', turnId: running.turnId, answer: live.textWithDraft.trim() })
  }

  /** Ends whatever is asked about a clip that goes away. */
  stopAbout(clipId: string): void {
    if (this.#running?.clipId === clipId) this.stop()
  }

  /** Looks for the frames of the newest answer about a clip where the page went away before they were found. */
  catchUp(clipId: string): void {
    const conversation = this.#options.workspace.clip(clipId)?.conversation
    const turn = conversation?.chat.turns.findLast((candidate) => candidate.clipId === clipId)
    if (!conversation || turn?.status !== 'done' || turn.evidence || turn.segments) return
    if (this.#seeking.includes(conversation.id)) return
    void this.#findEvidence({ conversationId: conversation.id, turnId: turn.id, clipId })
  }

  /** Ends everything for good. */
  close(): void {
    this.#closing.abort()
    this.#running?.controller.abort()
    this.#running = null
  }

  #begin(conversationId: string, turnId: string, clipId: string): Running {
    const running = { conversationId, turnId, clipId, controller: new AbortController() }
    this.#running = running
    this.#options.live.reset()
    this.#options.workspace.update({ runningTurn: turnId })
    return running
  }

  async #answer(running: Running, { question }: ChatTurn): Promise<void> {
    const { workspace, live, engine, generation, onText } = this.#options
    const { conversationId, turnId, clipId, controller } = running
    const chat = (action: ChatAction) => this.#chat(conversationId, action)
    const writing = () => live.textWithDraft === '' && chat({ type: 'writing', turnId })
    chat({ type: 'sent', turnId, pack: workspace.clip(clipId)?.clip.pack ?? null })
    try {
      const request = this.#request(running, question, seeded(generation()))
      for await (const event of engine.ask(request, controller.signal)) {
        if (this.#running !== running) return
        if (event.type === 'prefill') chat({ ...event, type: 'prefilled', turnId })
        else if (event.type === 'text') {
          writing()
          live.append(event.text)
          const conversation = workspace.conversation(conversationId)
          if (conversation) onText(conversation, turnId, live.text.trim())
        } else if (event.type === 'draft') {
          // A search of several beams writes before it has text that is certain.
          writing()
          live.draft(event.text)
        } else {
          const { reason, stats } = event
          const answer = live.text.trim()
          this.#finish(running, answer, { type: 'finished', turnId, answer, reason, stats })
          void this.#findEvidence(running)
        }
      }
    } catch (thrown) {
      this.#end(running, { type: 'failed', turnId, answer: live.text.trim(), error: toValleyError(thrown) })
    }
  }

  /** Asks of each part of the clip in turn; what was said so far stays where it is stopped or fails. */
  async #answerByParts(running: Running, { question }: ChatTurn): Promise<void> {
    const { workspace, live, engine, generation, onText } = this.#options
    const { conversationId, turnId, clipId, controller } = running
    const chat = (action: ChatAction) => this.#chat(conversationId, action)
    const clip = workspace.clip(clipId)?.clip
    chat({ type: 'sent', turnId, pack: clip?.pack ?? null })
    let segments: readonly Segment[] = []
    try {
      if (!clip) throw new ValleyError('clip-unknown')
      const options = seeded(generation())
      for await (const segment of askByParts(engine, clip, question, options, controller.signal)) {
        if (this.#running !== running) return
        segments = withSegment(segments, segment)
        live.reset()
        live.append(segmentsAsText(segments))
        chat({ type: 'segments-found', turnId, segments })
        const conversation = workspace.conversation(conversationId)
        if (conversation) onText(conversation, turnId, live.text)
      }
      const answer = live.text
      this.#finish(running, answer, { type: 'finished', turnId, answer, reason: 'end', stats: null })
    } catch (thrown) {
      this.#end(running, { type: 'failed', turnId, answer: live.text, error: toValleyError(thrown) })
    }
  }

  async #try(running: Running, turn: ChatTurn): Promise<void> {
    const { workspace, engine, generation } = this.#options
    const { conversationId, turnId, controller } = running
    const { signal } = controller
    const clip = workspace.clip(running.clipId)?.clip
    const trying = (done: number) =>
      this.#chat(conversationId, { type: 'trying', turnId, done, total: harderTries, pack: clip?.pack ?? null })
    trying(0)
    try {
      const { chooseAnswer } = await import('./try-harder')
      const ask = (options: GenerationOptions) =>
        engine.ask(this.#request(running, turn.question, seeded(options)), signal)
      if (!clip) throw new ValleyError('clip-unknown')
      const embed = engine.embedTexts.bind(engine)
      const chosen = await chooseAnswer({
        times: harderTries,
        ask,
        embed,
        clip,
        turn,
        generation: generation(),
        signal,
        onTried: trying,
      })
      if (this.#running !== running) return
      const answer = chosen?.answer ?? turn.answer
      if (!chosen) return this.#finish(running, answer, { type: 'stopped', turnId, answer: '' })
      this.#finish(running, answer, { type: 'finished', turnId, ...chosen })
      void this.#findEvidence(running)
    } catch (thrown) {
      this.#end(running, { type: 'failed', turnId, answer: '', error: toValleyError(thrown) })
    }
  }

  #request({ conversationId, turnId, clipId }: Running, question: string, options: GenerationOptions): AskRequest {
    const conversation = this.#options.workspace.conversation(conversationId)
    return { clipId, turns: conversation ? historyBefore(conversation.chat, turnId) : [], question, options }
  }

  #chat(conversationId: string, action: ChatAction): void {
    this.#options.gently(() => this.#options.workspace.chat(conversationId, action))
  }

  /** Ends it with an answer that is told to those who listen. */
  #finish(running: Running, answer: string, action: ChatAction): void {
    this.#options.gently(() => {
      this.#options.workspace.announce({ kind: 'answer', text: answer })
      this.#end(running, action)
    })
  }

  #end(running: Running, action: ChatAction): void {
    if (this.#running !== running) return
    this.#running = null
    // Closes the call's signal port; harmless where the call is over.
    running.controller.abort()
    this.#options.workspace.update({ runningTurn: null })
    this.#options.workspace.chat(running.conversationId, action)
    this.next()
  }

  /** Looks for the frames that the answer speaks of; without them the answer stands as it is. */
  async #findEvidence({ conversationId, turnId, clipId }: Omit<Running, 'controller'>): Promise<void> {
    const { workspace, engine } = this.#options
    const answer = this.#answerOf(conversationId, turnId)
    const clip = workspace.clip(clipId)?.clip
    if (!answer || !clip) return
    this.#seeking.push(conversationId)
    try {
      const { evidenceFor } = await import('../moments/evidence')
      const evidence = await evidenceFor(engine.embedTexts.bind(engine), clip, answer, this.#closing.signal)
      // Answered anew meanwhile.
      if (!evidence || this.#answerOf(conversationId, turnId) !== answer) return
      this.#chat(conversationId, { type: 'evidence-found', turnId, evidence })
    } catch (thrown) {
      if (!this.#closing.signal.aborted) console.warn('no evidence', thrown)
    } finally {
      this.#seeking.splice(this.#seeking.indexOf(conversationId), 1)
      if (!this.#running) this.#options.onIdle()
    }
  }

  #answerOf(conversationId: string, turnId: string): string | undefined {
    const conversation = this.#options.workspace.conversation(conversationId)
    return conversation && findTurn(conversation.chat, turnId)?.answer
  }
}

/** Sampling needs a seed of its own each time, else asking again would say the same. */
function seeded(generation: GenerationOptions): GenerationOptions {
  if (!generation.temperature || generation.seed !== undefined) return generation
  return { ...generation, seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 }
}
