import type { AskRequest, EncodedClip, GenerationOptions, ValleyError } from '../../workers/protocol'
import { toValleyError } from '../../workers/protocol'
import type { Engine } from '../assistant/engine'
import { LiveAnswer, type Scheduler } from '../chat/live-answer'
import {
  type ChatAction,
  type ChatState,
  type ChatTurn,
  chatReducer,
  emptyChat,
  historyBefore,
  nextWaiting,
} from '../chat/reducer'
import { activeClip, type ClipsAction, type ClipsState, clipsReducer, noClips } from '../clip/reducer'

/** What the session needs of the engine. */
export type SessionEngine = Pick<Engine, 'encode' | 'ask' | 'prepare' | 'forget'>

export type SessionSettings = {
  /** Upper bound of sampled frames. */
  readonly frames: number
  /** What differs from the pack's own generation. */
  readonly generation: GenerationOptions
}

/** Something the person should know; stays until dismissed. */
export type Notice =
  | { readonly id: string; readonly kind: 'error'; readonly error: ValleyError; readonly name: string }
  | { readonly id: string; readonly kind: 'one-clip'; readonly name: string; readonly count: number }

/** What a screen reader hears: only ends and beginnings, never tokens. */
export type Announcement =
  | { readonly kind: 'clip-ready'; readonly name: string; readonly frames: number }
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'stopped' }

export type SessionState = {
  readonly chat: ChatState
  readonly clips: ClipsState
  readonly notices: readonly Notice[]
  readonly announcement: Announcement | null
  /** The turn that the engine is at work on. */
  readonly runningTurn: string | null
}

/** A conversation as data, for automation and export. */
export type Transcript = {
  readonly clip: EncodedClip | null
  readonly turns: readonly ChatTurn[]
  /** Why clips were refused, oldest first, since the page was opened. */
  readonly errors: readonly ValleyError[]
}

type Running = { readonly turnId: string; readonly clipId: string; readonly controller: AbortController }

/**
 * The conversation and its clip: runs what the person asks for, in order, and holds what the screens show. State
 * changes only through the two reducers; React reads it through `subscribe` and `getState`.
 */
export class Session {
  readonly live: LiveAnswer
  readonly #engine: SessionEngine
  readonly #listeners = new Set<() => void>()
  readonly #encodes = new Map<string, AbortController>()
  #settings: SessionSettings
  #running: Running | null = null
  /** Every refused clip since the page was opened; notices go away, these do not. */
  readonly #errors: ValleyError[] = []
  #state: SessionState = { chat: emptyChat, clips: noClips, notices: [], announcement: null, runningTurn: null }

  constructor(engine: SessionEngine, settings: SessionSettings, schedule?: Scheduler) {
    this.#engine = engine
    this.#settings = settings
    this.live = new LiveAnswer(schedule)
  }

  getState = (): SessionState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Takes new settings; another number of frames samples the open clip anew. */
  configure(settings: SessionSettings): void {
    const resample = settings.frames !== this.#settings.frames
    this.#settings = settings
    const clip = activeClip(this.#state.clips)
    if (!resample || !clip || clip.media?.kind === 'image') return
    this.#encodes.get(clip.id)?.abort()
    if (this.#running?.clipId === clip.id) this.stop()
    this.#engine.forget(clip.id)
    this.#clips({ type: 'resampled', id: clip.id })
    void this.#encode(clip.id, clip.file, clip.name)
  }

  /** Opens the first of some files and says so where there are more. */
  openFiles = (files: readonly File[]): void => {
    const [first] = files
    if (!first) return
    // What was said of the file before no longer matters.
    this.#update({ notices: [] })
    if (files.length > 1) {
      this.#notify({ id: crypto.randomUUID(), kind: 'one-clip', name: first.name, count: files.length })
    }
    this.openClip(first, first.name)
  }

  /** Opens a clip beside the chat so far; the clip before stays usable until this one is encoded. */
  openClip(file: Blob, name: string): string {
    for (const id of this.#state.clips.order) if (this.#state.clips.clips[id]?.status !== 'ready') this.#drop(id)
    const id = crypto.randomUUID()
    this.#clips({ type: 'added', id, name, file })
    this.#chat({ type: 'clip-opened', clipId: id, name })
    void this.#encode(id, file, name)
    return id
  }

  /** Closes the active clip and frees what it holds. The chat stays. */
  closeClip = (): void => {
    const clip = activeClip(this.#state.clips)
    if (!clip) return
    if (this.#running?.clipId === clip.id) this.stop()
    this.#drop(clip.id)
    this.#chat({ type: 'clip-closed', clipId: clip.id })
  }

  /** Asks about the active clip; waits where clip or engine are not ready. */
  ask(question: string): void {
    const text = question.trim()
    if (text === '') return
    this.#chat({ type: 'asked', turnId: crypto.randomUUID(), question: text })
    void this.#pump()
  }

  /** Asks a question again in place of its answer. */
  askAgain(turnId: string): void {
    if (this.#running) return
    this.#chat({ type: 'asked-again', turnId })
    void this.#pump()
  }

  /** Ends the answer that is being written, or takes back the question that still waits. */
  stop(): void {
    const running = this.#running
    if (running) {
      running.controller.abort()
      this.#endRun(running, { type: 'stopped', turnId: running.turnId, answer: this.live.textWithDraft.trim() })
    } else {
      const waiting = nextWaiting(this.#state.chat)
      if (waiting) this.#chat({ type: 'stopped', turnId: waiting.turn.id, answer: '' })
    }
    this.#announce({ kind: 'stopped' })
  }

  /** Empties the chat; the clip stays open. */
  startOver(): void {
    if (this.#running) this.stop()
    this.#chat({ type: 'cleared' })
    this.#update({ announcement: null })
  }

  dismiss(noticeId: string): void {
    this.#update({ notices: this.#state.notices.filter(({ id }) => id !== noticeId) })
  }

  transcript(): Transcript {
    const { chat, clips } = this.#state
    return {
      clip: activeClip(clips)?.encoded ?? null,
      turns: chat.sections.flatMap((section) => section.turns),
      errors: [...this.#errors],
    }
  }

  async #encode(id: string, file: Blob, name: string): Promise<void> {
    const controller = new AbortController()
    this.#encodes.set(id, controller)
    const { signal } = controller
    const options = { clipId: id, name, frames: this.#settings.frames }
    try {
      for await (const event of this.#engine.encode(file, options, signal)) {
        if (signal.aborted) return
        this.#clips({ type: 'event', id, event })
        if (event.type === 'encoded') {
          this.#announce({ kind: 'clip-ready', name, frames: event.clip.timestamps.length })
        }
      }
      if (signal.aborted) return
      this.#dropOthers()
      void this.#pump()
      if (!this.#running) void this.#engine.prepare(id, this.#settings.generation, signal)
    } catch (thrown) {
      if (!signal.aborted) this.#onClipFailed(id, name, toValleyError(thrown))
    } finally {
      if (this.#encodes.get(id) === controller) this.#encodes.delete(id)
    }
  }

  #onClipFailed(id: string, name: string, error: ValleyError): void {
    this.#drop(id)
    const previous = activeClip(this.#state.clips)
    const fallback = previous && { clipId: previous.id, name: previous.name }
    this.#errors.push(error)
    this.#chat({ type: 'clip-failed', clipId: id, error, fallback })
    this.#notify({ id: crypto.randomUUID(), kind: 'error', error, name })
  }

  /** Sends the oldest waiting question if its clip is ready and nothing else is being answered. */
  async #pump(): Promise<void> {
    const next = nextWaiting(this.#state.chat)
    const clipId = next?.section.clipId
    if (this.#running || !next || !clipId || this.#state.clips.clips[clipId]?.status !== 'ready') return
    const turnId = next.turn.id
    const running: Running = { turnId, clipId, controller: new AbortController() }
    this.#running = running
    this.live.reset()
    this.#update({ runningTurn: turnId })
    this.#chat({ type: 'sent', turnId })
    const request: AskRequest = {
      clipId,
      turns: historyBefore(this.#state.chat, turnId),
      question: next.turn.question,
      options: this.#generation(),
    }
    try {
      for await (const event of this.#engine.ask(request, running.controller.signal)) {
        if (this.#running !== running) return
        if (event.type === 'prefill') this.#chat({ ...event, type: 'prefilled', turnId })
        else if (event.type === 'text') this.#onText(turnId, event.text)
        else if (event.type === 'draft') this.#onDraft(turnId, event.text)
        else {
          const { reason, stats } = event
          const answer = this.live.text.trim()
          this.#announce({ kind: 'answer', text: answer })
          this.#endRun(running, { type: 'finished', turnId, answer, reason, stats })
        }
      }
    } catch (thrown) {
      const error = toValleyError(thrown)
      this.#endRun(running, { type: 'failed', turnId, answer: this.live.text.trim(), error })
    }
  }

  #onText(turnId: string, text: string): void {
    this.#writing(turnId)
    this.live.append(text)
  }

  /** A search of several beams writes before it has text that is certain. */
  #onDraft(turnId: string, text: string): void {
    this.#writing(turnId)
    this.live.draft(text)
  }

  #writing(turnId: string): void {
    if (this.live.textWithDraft === '') this.#chat({ type: 'writing', turnId })
  }

  #endRun(running: Running, action: ChatAction): void {
    if (this.#running !== running) return
    this.#running = null
    // Closes the call's signal port; harmless where the call is over.
    running.controller.abort()
    this.#update({ runningTurn: null })
    this.#chat(action)
    this.#dropOthers()
    void this.#pump()
  }

  /** One clip at a time: once the active one is ready, the others are let go, unless one is being answered about. */
  #dropOthers(): void {
    const active = activeClip(this.#state.clips)
    if (active?.status !== 'ready') return
    for (const id of this.#state.clips.order) if (id !== active.id && id !== this.#running?.clipId) this.#drop(id)
  }

  #drop(id: string): void {
    this.#encodes.get(id)?.abort()
    this.#encodes.delete(id)
    this.#engine.forget(id)
    this.#clips({ type: 'removed', id })
  }

  #generation(): GenerationOptions {
    const { generation } = this.#settings
    if (!generation.temperature) return generation
    return { ...generation, seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 0 }
  }

  #chat(action: ChatAction): void {
    this.#update({ chat: chatReducer(this.#state.chat, action) })
  }

  #clips(action: ClipsAction): void {
    this.#update({ clips: clipsReducer(this.#state.clips, action) })
  }

  #notify(notice: Notice): void {
    this.#update({ notices: [...this.#state.notices, notice] })
  }

  #announce(announcement: Announcement): void {
    this.#update({ announcement })
  }

  #update(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
