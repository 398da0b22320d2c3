import type { Conversation, ConversationSummary } from '../conversations/model'
import { ClipFiles, type ClipKeeping, type FoundFile, type Kept } from './clip-files'
import { ConversationStore } from './conversation-store'
import { openDatabase } from './database'
import { Keeper } from './keeper'
import { enterTab, isOnlyTab } from './open-tabs'

export type ShelfTrouble = 'not-stored' | 'no-storage'

export type ShelfOptions = {
  readonly onTrouble: (trouble: ShelfTrouble, cause: unknown) => void
  /** What could not be stored is stored now. */
  readonly onMended: () => void
  readonly delay?: number
}

const shownKey = 'valley.conversation'

/** All that the session needs of storage. Without storage (private windows, blocked sites) it holds nothing and says so once. */
export class Shelf {
  readonly #opening: Promise<ConversationStore | null>
  #keeper: Keeper | null = null
  /** What came before the database was open. */
  readonly #early = new Map<string, Conversation>()
  readonly #leaveTab = enterTab()
  #closed = false

  /** Opens the database. `delay`: see Keeper. */
  constructor({ onTrouble, onMended, delay }: ShelfOptions) {
    this.#opening = openDatabase(() => {
      this.#keeper?.close()
      this.#keeper = null
      if (!this.#closed) onTrouble('no-storage', null)
    }).then(
      (database) => {
        const store = new ConversationStore(database)
        const onFailure = (cause: unknown) => onTrouble('not-stored', cause)
        const pace = delay === undefined ? {} : { delay }
        this.#keeper = new Keeper(store, { onTrouble: onFailure, onMended, ...pace })
        for (const conversation of this.#early.values()) this.#keeper.note(conversation)
        return store
      },
      (cause: unknown) => {
        onTrouble('no-storage', cause)
        return null
      },
    )
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
    if (this.#keeper) this.#keeper.note(conversation)
    else this.#early.set(conversation.id, conversation)
  }

  noteText(conversation: Conversation, turnId: string, text: string): void {
    this.#keeper?.noteText(conversation, turnId, text)
  }

  async flush(): Promise<void> {
    await this.#opening
    await this.#keeper?.flush()
  }

  async release(id: string): Promise<void> {
    await this.#keeper?.release(id)
  }

  async remove(id: string): Promise<void> {
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
    return store && new ClipFiles(store).keep(clipId, file, keeping, evenLarge)
  }

  async findClip(clipId: string, ask: boolean): Promise<FoundFile> {
    const store = await this.#opening
    return store ? new ClipFiles(store).find(clipId, ask) : { kind: 'missing' }
  }

  /**
   * The conversation to begin with: this tab's own, or in a new tab the newest, unless another tab is open, where that is
   * most likely on show. undefined: a new one.
   */
  async first(newest: string | undefined): Promise<string | undefined> {
    return this.shownLast ?? ((await isOnlyTab()) ? newest : undefined)
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
