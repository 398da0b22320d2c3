import { findTurn } from '../chat/reducer'
import { type Conversation, isEmpty } from '../conversations/model'

/** What the keeper needs of the store. */
export type Saves = {
  save(conversation: Conversation, stored: Conversation | null, written: ReadonlyMap<string, string>): Promise<void>
  remove(id: string): Promise<void>
}

export type KeeperOptions = {
  /** Changes of themselves (progress, frames) within this many ms are written together. */
  readonly delay?: number
  /** A write failed; what it held is tried again with the next change. */
  readonly onTrouble: (error: unknown) => void
  /** Writing works again, and what failed is written. */
  readonly onMended: () => void
}

const defaultDelay = 400
const textDelay = 1000

/**
 * Brings conversations to the store: what the person did and an answer that began or ended at once, the many small changes
 * of a clip being looked at in one write, an answer that is being written about once a second. Whatever could not be
 * written stays here and is tried again.
 */
export class Keeper {
  readonly #store: Saves
  readonly #options: KeeperOptions
  /** The newest state of what is not written yet. */
  readonly #pending = new Map<string, Conversation>()
  readonly #stored = new Map<string, Conversation>()
  /** Texts being written, by conversation and turn. */
  readonly #written = new Map<string, Map<string, string>>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #writing: Promise<void> = Promise.resolve()
  #closed = false
  #troubled = false

  constructor(store: Saves, options: KeeperOptions) {
    this.#store = store
    this.#options = options
  }

  /** It came from the store just so; only what changes from here on is written. */
  loaded(conversation: Conversation): void {
    this.#stored.set(conversation.id, conversation)
  }

  /** Something of the conversation is in the store. */
  isStored(id: string): boolean {
    return this.#stored.has(id)
  }

  /** Takes the newest state of a conversation. An empty one that was never stored is left out. */
  note(conversation: Conversation): void {
    const { id } = conversation
    const before = this.#pending.get(id) ?? this.#stored.get(id)
    if (before === conversation || this.#closed) return
    if (!before && isEmpty(conversation)) return
    this.#pending.set(id, conversation)
    const [turnId] = this.#written.get(id)?.keys() ?? []
    // Its turn holds the whole of it now.
    if (turnId !== undefined && findTurn(conversation.chat, turnId)?.status !== 'writing') this.#written.delete(id)
    if (isWeighty(before, conversation)) void this.flush()
    else this.#schedule(this.#options.delay ?? defaultDelay)
  }

  /** The text of an answer so far. */
  noteText(conversation: Conversation, turnId: string, text: string): void {
    if (this.#closed) return
    this.#written.set(conversation.id, new Map([[turnId, text]]))
    if (!this.#pending.has(conversation.id)) this.#pending.set(conversation.id, conversation)
    this.#schedule(textDelay)
  }

  /** Deletes a conversation; a write of it that is under way comes before. @throws DOMException */
  async remove(id: string): Promise<void> {
    this.#pending.delete(id)
    this.#written.delete(id)
    this.#stored.delete(id)
    await this.#writing
    await this.#store.remove(id)
  }

  /** Lets go of a conversation that is not open any more, once it is written. */
  async release(id: string): Promise<void> {
    await this.flush()
    if (!this.#pending.has(id)) this.#stored.delete(id)
  }

  /** Writes all that waits; resolves when it is written or was refused. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writing = this.#writing.then(() => this.#write())
    return this.#writing
  }

  /** Nothing is written any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#pending.clear()
  }

  #schedule(delay: number): void {
    this.#timer ??= setTimeout(() => void this.flush(), delay)
  }

  async #write(): Promise<void> {
    for (const [id, conversation] of [...this.#pending]) {
      const written = this.#written.get(id) ?? new Map<string, string>()
      try {
        await this.#store.save(conversation, this.#stored.get(id) ?? null, written)
      } catch (thrown) {
        this.#troubled = true
        this.#options.onTrouble(thrown)
        continue
      }
      // Deleted meanwhile.
      if (!this.#pending.has(id)) continue
      this.#stored.set(id, conversation)
      if (this.#pending.get(id) === conversation) this.#pending.delete(id)
    }
    if (!this.#troubled || this.#pending.size > 0) return
    this.#troubled = false
    this.#options.onMended()
  }
}

/**
 * Whether somebody would miss the step between the two states: a question asked, edited or sent, an answer that began or
 * ended, a name, a clip that came, went or was chosen. A page that goes away does not wait for a write, so these do not
 * wait for others.
 */
function isWeighty(before: Conversation | undefined, after: Conversation): boolean {
  if (!before || before.name !== after.name) return true
  if (before.clips.order !== after.clips.order || before.clips.activeId !== after.clips.activeId) return true
  const [was, is] = [before.chat.turns, after.chat.turns]
  if (was === is) return false
  return (
    was.length !== is.length ||
    is.some((turn, at) => {
      const old = was[at]
      return turn !== old && (turn.id !== old?.id || turn.question !== old.question || turn.status !== old.status)
    })
  )
}
