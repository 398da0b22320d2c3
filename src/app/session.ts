import type { EncodedClip, GenerationOptions, ValleyError } from '../../workers/protocol'
import type { Engine } from '../assistant/engine'
import { LiveAnswer, type Scheduler } from '../chat/live-answer'
import { type ChatTurn, findTurn, hasEnded } from '../chat/reducer'
import { activeClip, type Clip } from '../clip/reducer'
import type { ClipKeeping } from '../storage/clip-files'
import type { Shelf } from '../storage/shelf'
import { Answering, type Gently } from './answering'
import { ClipDesk } from './clip-desk'
import { ConversationDesk } from './conversation-desk'
import { FileKeeping } from './file-keeping'
import { type Notice, type SessionState, Workspace } from './workspace'

export type { Announcement, Notice, SessionState } from './workspace'

/** What the session needs of the engine. */
export type SessionEngine = Pick<Engine, 'encode' | 'ask' | 'prepare' | 'forget' | 'embedTexts'>

export type SessionSettings = {
  /** Upper bound of sampled frames. */
  readonly frames: number
  /** What differs from the pack's own generation. */
  readonly generation: GenerationOptions
  /** How clips are kept; absent: as a copy. */
  readonly keeping?: ClipKeeping
}

export type SessionOptions = {
  readonly schedule?: Scheduler
  /** Where conversations are kept; absent: nowhere. */
  readonly shelf?: Shelf
  /** Absent: such changes are shown as all others are. */
  readonly gently?: Gently
}

/** A conversation as data, for automation. */
export type Transcript = {
  readonly clip: EncodedClip | null
  readonly turns: readonly ChatTurn[]
  /** Why clips were refused, oldest first, since the page was opened. */
  readonly errors: readonly ValleyError[]
}

/** What the person can do, with the conversation on the screen and with the others; the desks do the work. */
export class Session {
  readonly live: LiveAnswer
  readonly conversations: ConversationDesk
  readonly #engine: SessionEngine
  readonly #shelf: Shelf | null
  readonly #workspace: Workspace
  readonly #clips: ClipDesk
  readonly #answering: Answering
  readonly #files: FileKeeping
  readonly #gently: Gently
  #settings: SessionSettings
  /** Prefilling of the clip that the next question is most likely about. */
  #preparing: AbortController | null = null
  #prepared: Promise<void> = Promise.resolve()
  /** Every refused clip since the page was opened; notices go away, these do not. */
  readonly #errors: ValleyError[] = []

  constructor(engine: SessionEngine, settings: SessionSettings, { schedule, shelf, gently }: SessionOptions = {}) {
    this.#engine = engine
    this.#settings = settings
    this.#shelf = shelf ?? null
    this.#gently = gently ?? ((changes) => changes())
    this.live = new LiveAnswer(schedule)
    const workspace = new Workspace((conversation) => this.#shelf?.note(conversation))
    this.#workspace = workspace
    this.#files = new FileKeeping({ workspace, shelf: this.#shelf, how: () => this.#settings.keeping ?? 'copy' })
    this.#clips = new ClipDesk({
      engine,
      workspace,
      frames: () => this.#settings.frames,
      find: async (clipId, ask) => (await this.#shelf?.findClip(clipId, ask)) ?? { kind: 'missing' },
      onSettled: (clipId, ready) => this.#onClipSettled(clipId, ready),
      onRefused: (error) => this.#errors.push(error),
    })
    this.#answering = new Answering({
      engine,
      workspace,
      live: this.live,
      generation: () => this.#settings.generation,
      gently: this.#gently,
      onText: (conversation, turnId, text) => this.#shelf?.noteText(conversation, turnId, text),
      onIdle: () => this.conversations.tidy(),
    })
    this.conversations = new ConversationDesk({
      workspace,
      shelf: this.#shelf,
      clips: this.#clips,
      answering: this.#answering,
    })
  }

  getState = (): SessionState => this.#workspace.state

  subscribe = (listener: () => void): (() => void) => this.#workspace.subscribe(listener)

  /** Takes new settings; another number of frames samples the open clips anew. */
  configure(settings: SessionSettings): void {
    const resample = settings.frames !== this.#settings.frames
    this.#settings = settings
    if (resample) this.#lookAgain(({ media }) => media?.kind !== 'image')
  }

  /** Another pack sees other things: the open clips are looked at again. */
  packChanged(): void {
    this.#lookAgain(() => true)
  }

  #lookAgain(which: (clip: Clip) => boolean): void {
    for (const { id, clips } of this.#workspace.loaded) {
      for (const clip of Object.values(clips.clips)) {
        if (!clip.file || clip.status === 'closed' || !which(clip)) continue
        this.#answering.stopAbout(clip.id)
        if (clip.id === clips.activeId) this.#clips.reopen(id, clip.id, clip.file)
        else this.#putAside(id, clip)
      }
    }
  }

  /** Opens files as clips of this conversation; the first of them is shown. */
  openFiles = (files: readonly File[]): void => {
    // What was said of the files before no longer matters.
    if (files.length > 0) this.#workspace.dismiss(({ kind }) => kind === 'error')
    for (const [index, file] of files.entries()) this.openClip(file, file.name, index === 0)
  }

  /**
   * Opens a clip beside those that are there; `show` makes it the one that is asked about. Its file is kept now, not only
   * once it has been looked at: a reload meanwhile would have to ask for it. `evenLarge`: without asking. Returns its id.
   */
  openClip(file: Blob, name: string, show = true, evenLarge = false): string {
    const clipId = this.#clips.add(this.#current.id, file, name, show)
    void this.#files.keep(clipId, evenLarge)
    return clipId
  }

  /** Shows a clip of this conversation; the next question is about it. `ask`: the browser may ask for leave to read it. */
  chooseClip = (clipId: string, ask = false): void => {
    const { id, clips } = this.#current
    const clip = clips.clips[clipId]
    if (!clip) return
    this.#workspace.clips(id, { type: 'chosen', id: clipId })
    this.#workspace.chat(id, { type: 'clip-opened', clipId, name: clip.name })
    if (clip.status === 'ready') this.#prepare(clipId)
    else void this.#clips.open(id, clipId, ask)
    this.#answering.next()
  }

  /** Takes away the word that another pack had looked at a clip of this conversation. */
  notePackBefore(clipId: string): void {
    this.#workspace.clips(this.#current.id, { type: 'pack-noted', id: clipId })
  }

  /** Gives a clip whose file is gone its file again. */
  replaceFile = (clipId: string, file: Blob): void => {
    this.#files.forget(clipId)
    this.#clips.reopen(this.#current.id, clipId, file)
    void this.#files.keep(clipId)
  }

  /** Puts the shown clip aside and frees what the engine holds of it; one that nothing was asked about goes away. */
  closeClip = (): void => {
    const clip = activeClip(this.#state.clips)
    if (!clip) return
    this.#answering.stopAbout(clip.id)
    this.#putAside(this.#current.id, clip)
    if (this.#state.chat.turns.some(({ clipId }) => clipId === clip.id)) return
    this.#files.forget(clip.id)
    this.#workspace.clips(this.#current.id, { type: 'removed', id: clip.id, show: null })
  }

  /**
   * Takes a clip out of this conversation. What was said of it stays under its name; its file and whatever was made of it
   * are let go of, and the clip beside it is shown.
   */
  removeClip(clipId: string): void {
    const { id, clips, chat } = this.#current
    const at = clips.order.indexOf(clipId)
    if (at < 0) return
    const shown = clips.activeId === clipId
    const show = clips.order[at + 1] ?? clips.order[at - 1] ?? null
    // Those that wait first, so that none of them is begun when the running one ends.
    for (const turn of chat.turns) {
      if (turn.clipId !== clipId || turn.status !== 'waiting') continue
      this.#workspace.chat(id, { type: 'stopped', turnId: turn.id, answer: '' })
    }
    this.#answering.stopAbout(clipId)
    if (shown) this.#preparing?.abort()
    this.#clips.close(clipId)
    this.#files.forget(clipId)
    this.#workspace.clips(id, { type: 'removed', id: clipId, show: null })
    if (shown && show !== null) this.chooseClip(show)
  }

  /** Asks about the shown clip, or of each part of it in turn; waits where clip or engine are not ready. */
  ask(question: string, byParts = false): void {
    const text = question.trim()
    if (text === '') return
    const clip = activeClip(this.#state.clips)
    const about = clip && { clipId: clip.id, name: clip.name }
    const turnId = crypto.randomUUID()
    this.#gently(() => {
      this.#workspace.chat(this.#current.id, { type: 'asked', turnId, question: text, about, at: Date.now(), byParts })
      this.#answering.next()
    })
  }

  /** Asks a question anew in place of its answer; what followed from that goes when the new answer begins. */
  askAgain(turnId: string): void {
    const turn = findTurn(this.#state.chat, turnId)
    if (turn) this.editQuestion(turnId, turn.question)
  }

  /** Asks another question in place of one; its answer and what followed go when the new answer begins. */
  editQuestion(turnId: string, question: string): void {
    const { id, chat, clips } = this.#current
    const turn = findTurn(chat, turnId)
    const text = question.trim()
    if (!turn || text === '' || (!hasEnded(turn) && turn.status !== 'waiting')) return
    const clip = clips.clips[turn.clipId ?? ''] ?? activeClip(clips)
    const about = clip && { clipId: clip.id, name: clip.name }
    this.#workspace.chat(id, { type: 'asked-anew', turnId, question: text, about })
    if (clip && clip.status !== 'ready') void this.#clips.open(id, clip.id, true)
    this.#answering.next()
  }

  /** Samples four answers and keeps the one that fits the frames best. */
  askHarder(turnId: string): void {
    const turn = findTurn(this.#state.chat, turnId)
    if (turn && hasEnded(turn) && !turn.segments) this.#answering.tryHarder(this.#current, turn)
  }

  /** Ends the answer that is being written here, or takes back the question that still waits. */
  stop(): void {
    const { id, chat } = this.#current
    if (this.#answering.running?.conversationId === id) this.#answering.stop()
    else {
      const waiting = chat.turns.find(({ status }) => status === 'waiting')
      if (waiting) this.#workspace.chat(id, { type: 'stopped', turnId: waiting.id, answer: '' })
    }
    this.#workspace.announce({ kind: 'stopped' })
  }

  /** Empties the chat; the clips stay. */
  startOver(): void {
    const { id } = this.#current
    if (this.#answering.running?.conversationId === id) this.#answering.stop()
    this.#workspace.chat(id, { type: 'cleared' })
    this.#workspace.update({ announcement: null })
  }

  /** Resolves when the shown clip is prefilled, or will not be: what can wait leaves the machine to that. */
  get prepared(): Promise<void> {
    return this.#prepared
  }

  dismiss(noticeId: string): void {
    this.#workspace.dismiss(({ id }) => id === noticeId)
  }

  dismissKind(wanted: Notice['kind']): void {
    this.#workspace.dismiss(({ kind }) => kind === wanted)
  }

  notify: Workspace['notify'] = (notice) => this.#workspace.notify(notice)

  /** Keeps a copy of a clip whatever its size. */
  keepCopy(clipId: string): void {
    this.#files.keepLarge(clipId)
  }

  transcript(): Transcript {
    const { chat, clips } = this.#state
    return { clip: activeClip(clips)?.encoded ?? null, turns: chat.turns, errors: [...this.#errors] }
  }

  /** Ends all that goes on; what was said is written. */
  async close(): Promise<void> {
    this.#preparing?.abort()
    this.#answering.close()
    for (const clipId of this.#clips.busy) this.#clips.close(clipId)
    await this.#shelf?.close()
  }

  get #state(): SessionState {
    return this.#workspace.state
  }

  get #current(): SessionState['conversation'] {
    return this.#state.conversation
  }

  #onClipSettled(clipId: string, ready: boolean): void {
    if (ready) {
      void this.#files.keep(clipId)
      this.#answering.catchUp(clipId)
    } else this.#openShown()
    // Refused: of its file nothing stays, no question either.
    if (!this.#workspace.clip(clipId)) this.#files.forget(clipId)
    this.#answering.next()
    if (ready && clipId === this.#state.clips.activeId) this.#prepare(clipId)
  }

  /** After the shown clip went away, the one that stands in for it may have to be opened. */
  #openShown(): void {
    const clip = activeClip(this.#state.clips)
    if (clip?.status === 'closed') void this.#clips.open(this.#current.id, clip.id)
  }

  #prepare(clipId: string): void {
    if (this.#answering.running) return
    this.#preparing?.abort()
    this.#preparing = new AbortController()
    this.#prepared = this.#engine.prepare(clipId, this.#settings.generation, this.#preparing.signal)
  }

  #putAside(conversationId: string, clip: Clip): void {
    this.#clips.close(clip.id)
    this.#workspace.clips(conversationId, { type: 'put-aside', id: clip.id })
  }
}
