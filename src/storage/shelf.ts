import type { Conversation, ConversationSummary } from '../conversations/model'
import { ClipFiles, type ClipKeeping, type FoundFile, type Kept, largestUnasked } from './clip-files'
import { ConversationStore } from './conversation-store'
import { openDatabase, type Released } from './database'
import { Keeper, type Saves } from './keeper'
import { enterTab, isOnlyTab } from './open-tabs'
import { QuestionJournal } from './question-journal'

export type ShelfTrouble = 'not-stored' | 'no-storage'

export type ShelfOptions = {
  readonly onTrouble: (trouble: ShelfTrouble, cause: unknown) => void
  /** What could not be stored is stored now. */
  readonly onMended: () => void
  readonly delay?: number
}

type KeptFile = { readonly file: Blob; readonly keeping: ClipKeeping; readonly evenLarge: boolean | undefined }

/** A browser that clears closes databases first: what is opened again at once would go with the rest. */
const clearingMs = 2000

const shownKey = 'valley.conversation'

/** All that the session needs of storage. Without storage (private windows, blocked sites) it holds nothing and says so once. */
export class Shelf {
  readonly #options: ShelfOptions
  #opening: Promise<ConversationStore | null>
  #keeper: Keeper | null = null
  /** null: what is asked now is never stored. */
  #journal: QuestionJournal | null = new QuestionJournal()
  /** What is open in this tab, as it is now: written as soon as there is a database, and again where the browser lost it. */
  readonly #open = new Map<string, Conversation>()
  readonly #files = new Map<string, KeptFile>()
  /** Files that came from here, and how they are kept: not copied once more at each visit, nor asked about again. */
  readonly #found = new WeakMap<Blob, 'copied' | 'linked'>()
  /** Clips taken out since the page was opened: of a file that is still being written then, nothing is to stay. */
  readonly #removed = new Set<string>()
  readonly #leaveTab = enterTab()
  #closed = false

  /** Opens the database. `delay`: see Keeper. */
  constructor(options: ShelfOptions) {
    this.#options = options
    this.#opening = this.#openStore()
  }

  #openStore(): Promise<ConversationStore | null> {
    const { onTrouble, onMended, delay } = this.#options
    return openDatabase((why) => this.#onReleased(why)).then(
      async (database) => {
        const store = new ConversationStore(database)
        await this.#putInPlace(store)
        const saves: Saves = {
          save: async (conversation, stored, written) => {
            await store.save(conversation, stored, written)
            this.#journal?.stored(conversation)
          },
          remove: (id) => store.remove(id),
        }
        const onFailure = (cause: unknown) => onTrouble('not-stored', cause)
        const pace = delay === undefined ? {} : { delay }
        this.#keeper = new Keeper(saves, { onTrouble: onFailure, onMended, ...pace })
        for (const conversation of this.#open.values()) this.#keeper.note(conversation)
        return store
      },
      (cause: unknown) => {
        this.#journal = null
        onTrouble('no-storage', cause)
        return null
      },
    )
  }

  /** Questions that an earlier visit asked and could not store any more come into their conversations. */
  async #putInPlace(store: ConversationStore): Promise<void> {
    const left = this.#journal?.left() ?? []
    if (left.length === 0) return
    const part = await import('./questions-left').catch((cause: unknown) => console.warn('questions are left', cause))
    await part?.putInPlace(left, store)
  }

  #onReleased(why: Released): void {
    this.#keeper?.close()
    this.#keeper = null
    if (this.#closed) return
    if (why === 'lost') {
      void this.#keepAnew().catch((cause: unknown) => this.#options.onTrouble('not-stored', cause))
      return
    }
    this.#journal = null
    this.#options.onTrouble('no-storage', null)
  }

  /** The browser threw everything away (it needed room, or its data were cleared): what is open here is kept once more. */
  async #keepAnew(): Promise<void> {
    this.#opening = new Promise((resolve) => setTimeout(resolve, clearingMs)).then(() => this.#openStore())
    const store = await this.#opening
    await this.#keeper?.flush()
    if (!store) return
    const files = new ClipFiles(store)
    for (const [clipId, { file, keeping, evenLarge }] of this.#files) {
      // A copy that was read from what is gone now cannot be read any more; its clip is then chosen again.
      await files.keep(clipId, file, keeping, evenLarge).catch((cause: unknown) => console.warn('not kept anew', cause))
    }
  }

  async list(): Promise<ConversationSummary[]> {
    return (await this.#opening)?.list() ?? []
  }

  async load(id: string): Promise<Conversation | null> {
    const store = await this.#opening
    // What is still to be written of it counts.
    await this.#keeper?.flush()
    return (await store?.load(id)) ?? null
  }

  /** From here on only what changes in this conversation is written. */
  loaded(conversation: Conversation): void {
    this.#open.set(conversation.id, conversation)
    this.#keeper?.loaded(conversation)
  }

  /** The conversation that this tab showed last, through reloads; null: this tab has shown none. */
  get shownLast(): string | null {
    try {
      return sessionStorage.getItem(shownKey)
    } catch {
      return null
    }
  }

  setShown(id: string): void {
    try {
      sessionStorage.setItem(shownKey, id)
    } catch {
      // Without it, a reload shows the newest conversation.
    }
  }

  note(conversation: Conversation): void {
    const before = this.#open.get(conversation.id)
    this.#journal?.note(conversation, before, !this.#keeper?.isStored(conversation.id))
    this.#dropFiles((before?.clips.order ?? []).filter((clipId) => !conversation.clips.clips[clipId]))
    this.#open.set(conversation.id, conversation)
    this.#keeper?.note(conversation)
  }

  noteText(conversation: Conversation, turnId: string, text: string): void {
    this.#keeper?.noteText(conversation, turnId, text)
  }

  async flush(): Promise<void> {
    await this.#opening
    await this.#keeper?.flush()
  }

  async release(id: string): Promise<void> {
    this.#letGo(id)
    await this.#keeper?.release(id)
  }

  async remove(id: string): Promise<void> {
    this.#journal?.deleted(id)
    this.#dropFiles(this.#open.get(id)?.clips.order ?? [])
    this.#letGo(id)
    await this.#opening
    await this.#keeper?.remove(id)
  }

  async search(query: string): Promise<ReadonlySet<string>> {
    await this.flush()
    return (await (await this.#opening)?.search(query)) ?? new Set()
  }

  /** null: nothing can be kept here. @throws DOMException as ClipFiles.keep */
  async keepClip(clipId: string, file: Blob, keeping: ClipKeeping, evenLarge?: boolean): Promise<Kept | null> {
    const store = await this.#opening
    const already = evenLarge ? undefined : this.#found.get(file)
    // A link goes over into a copy where copies are wanted, unless that would have to be asked about.
    const stays = already === 'copied' || file.size > largestUnasked ? already : undefined
    const kept = store && (stays ?? (await new ClipFiles(store).keep(clipId, file, keeping, evenLarge)))
    if (kept) this.#files.set(clipId, { file, keeping, evenLarge })
    if (this.#removed.has(clipId)) this.#dropFiles([clipId])
    return kept
  }

  async findClip(clipId: string, ask: boolean): Promise<FoundFile> {
    const store = await this.#opening
    if (!store) return { kind: 'missing' }
    const found = await new ClipFiles(store).find(clipId, ask)
    if (found.kind === 'file') this.#found.set(found.file, found.copy ? 'copied' : 'linked')
    return found
  }

  /**
   * The conversation to begin with: this tab's own, or in a new tab the newest, unless another tab is open, where that is
   * most likely on show. undefined: a new one.
   */
  async first(newest: string | undefined): Promise<string | undefined> {
    return this.shownLast ?? ((await isOnlyTab()) ? newest : undefined)
  }

  #letGo(id: string): void {
    for (const clipId of this.#open.get(id)?.clips.order ?? []) this.#files.delete(clipId)
    this.#open.delete(id)
  }

  /** The files of clips that are taken out. With a clip that was stored they go anyway; one may go before it ever is. */
  #dropFiles(clipIds: readonly string[]): void {
    for (const clipId of clipIds) {
      this.#removed.add(clipId)
      if (!this.#files.delete(clipId)) continue
      void this.#opening
        .then((store) => store?.removeCopies([clipId]))
        .catch((cause: unknown) => console.warn('a file is left', cause))
    }
  }

  /** Writes what waits and closes the database. */
  async close(): Promise<void> {
    this.#leaveTab()
    await this.flush()
    this.#closed = true
    ;(await this.#opening)?.close()
    this.#keeper = null
  }
}
