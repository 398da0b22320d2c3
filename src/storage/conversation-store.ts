import type { IDBPTransaction, StoreNames } from 'idb'
import type { Conversation, ConversationSummary } from '../conversations/model'
import type { Database, ValleySchema } from './database'
import { clipFrom, conversationFrom, conversationRecord, type FileRecord, plainClip, turnRecord } from './records'

/** A clip's file that is kept as a copy. */
export type KeptCopy = {
  readonly clipId: string
  readonly bytes: number
  /** Names of the clip and of its conversation; null where there is none (any more). */
  readonly clip: string | null
  readonly conversation: string | null
}

type Stores = StoreNames<ValleySchema>[]
type Transaction<Mode extends IDBTransactionMode> = IDBPTransaction<ValleySchema, Stores, Mode>

/** What is read of a conversation, and what else belongs to it. */
const toRead: Stores = ['conversations', 'turns', 'clips', 'frames']
const toWrite: Stores = [...toRead, 'files']

/** The conversations in the database. Errors are the browser's own (DOMException); the callers give them a code. */
export class ConversationStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Newest first, without those that have nothing in them any more. */
  async list(): Promise<ConversationSummary[]> {
    const records = await this.#database.getAll('conversations')
    return records
      .filter(({ turns, clips, name }) => turns.length + clips.length > 0 || name !== null)
      .map(({ id, title, updatedAt }) => ({ id, title, updatedAt }))
      .sort((a, b) => b.updatedAt - a.updatedAt)
  }

  /** Its clips come closed and without their files (see `file`). null: there is none of that id. */
  load(id: string): Promise<Conversation | null> {
    return this.#read(this.#database.transaction(toRead), id)
  }

  async #read<Mode extends IDBTransactionMode>(transaction: Transaction<Mode>, id: string) {
    const record = await transaction.objectStore('conversations').get(id)
    if (!record) return null
    const turns = await transaction.objectStore('turns').index('conversation').getAll(id)
    const clips = await transaction.objectStore('clips').index('conversation').getAll(id)
    const frames = await Promise.all(clips.map((clip) => transaction.objectStore('frames').get(clip.id)))
    return conversationFrom(
      record,
      new Map(turns.map((turn) => [turn.id, turn])),
      new Map(clips.map((clip, index) => [clip.id, clipFrom(clip, frames[index])])),
    )
  }

  /**
   * Writes what differs from `stored` (null: everything), all or nothing.
   * @param written  texts of answers that are being written, by turn
   */
  save(conversation: Conversation, stored: Conversation | null, written: ReadonlyMap<string, string>): Promise<void> {
    return this.#write(this.#database.transaction(toWrite, 'readwrite'), conversation, stored, written)
  }

  /** Writes what `change` makes of a conversation (null: nothing); no other write comes between. */
  async amend(id: string, change: (stored: Conversation | null) => Conversation | null): Promise<void> {
    const transaction = this.#database.transaction(toWrite, 'readwrite')
    const stored = await this.#read(transaction, id)
    const changed = change(stored)
    if (changed) await this.#write(transaction, changed, stored, new Map())
    else await transaction.done
  }

  async #write(
    transaction: Transaction<'readwrite'>,
    conversation: Conversation,
    stored: Conversation | null,
    written: ReadonlyMap<string, string>,
  ): Promise<void> {
    const { id, chat, clips } = conversation
    const conversations = transaction.objectStore('conversations')
    const record = conversationRecord(conversation)
    const there = await conversations.get(id)
    // What another tab added to it meanwhile stays in it.
    const foreign = (theirs: readonly string[] = [], ...ours: (readonly string[])[]) =>
      theirs.filter((other) => !ours.some((ids) => ids.includes(other)))
    const stale = stored && conversationRecord(stored)
    const writes: Promise<unknown>[] = [
      conversations.put({
        ...record,
        turns: [...record.turns, ...foreign(there?.turns, record.turns, stale?.turns ?? [])],
        clips: [...record.clips, ...foreign(there?.clips, record.clips, stale?.clips ?? [])],
      }),
    ]

    const turns = transaction.objectStore('turns')
    const known = new Map(stored?.chat.turns.map((turn) => [turn.id, turn]))
    for (const turn of chat.turns) {
      const text = written.get(turn.id)
      if (known.get(turn.id) !== turn || text !== undefined) writes.push(turns.put(turnRecord(id, turn, text)))
      known.delete(turn.id)
    }
    for (const turnId of known.keys()) writes.push(turns.delete(turnId))

    for (const clipId of clips.order) {
      const clip = clips.clips[clipId]
      const before = stored?.clips.clips[clipId]
      if (!clip || clip === before) continue
      // While it is encoded anew, what is stored of it stays.
      if (before && !clip.encoded) continue
      writes.push(transaction.objectStore('clips').put({ ...plainClip(clip), conversationId: id }))
      if (clip.encoded && clip.encoded !== before?.encoded) {
        writes.push(transaction.objectStore('frames').put({ clipId, frames: Object.values(clip.frames) }))
      }
    }
    for (const clipId of stored?.clips.order ?? []) {
      if (clips.clips[clipId]) continue
      for (const name of ['clips', 'frames', 'files'] as const)
        writes.push(transaction.objectStore(name).delete(clipId))
    }
    // At once, without the round trips of the answers: a page that goes away does not hear them any more.
    transaction.commit()
    // Also waits for the writes, so that none of them rejects unheard.
    await Promise.all([...writes, transaction.done])
  }

  async remove(id: string): Promise<void> {
    const transaction = this.#database.transaction(toWrite, 'readwrite')
    const turns = await transaction.objectStore('turns').index('conversation').getAllKeys(id)
    const clips = await transaction.objectStore('clips').index('conversation').getAllKeys(id)
    await Promise.all([
      transaction.objectStore('conversations').delete(id),
      ...turns.map((key) => transaction.objectStore('turns').delete(key)),
      ...clips.flatMap((key) =>
        (['clips', 'frames', 'files'] as const).map((name) => transaction.objectStore(name).delete(key)),
      ),
      transaction.done,
    ])
  }

  /** Ids of the conversations whose title, clips' names, questions or answers hold every word of `query`. */
  async search(query: string): Promise<Set<string>> {
    const words = folded(query).split(/\s+/u).filter(Boolean)
    const texts = new Map<string, string>()
    const add = (id: string, ...parts: (string | null)[]) =>
      texts.set(id, `${texts.get(id) ?? ''}\n${folded(parts.join('\n'))}`)
    const transaction = this.#database.transaction(['conversations', 'turns', 'clips'])
    for (const { id, title } of await transaction.objectStore('conversations').getAll()) add(id, title)
    for (const turn of await transaction.objectStore('turns').getAll()) {
      if (texts.has(turn.conversationId)) add(turn.conversationId, turn.question, turn.answer)
    }
    for (const clip of await transaction.objectStore('clips').getAll()) {
      if (texts.has(clip.conversationId)) add(clip.conversationId, clip.name)
    }
    return new Set([...texts].filter(([, text]) => words.every((word) => text.includes(word))).map(([id]) => id))
  }

  async keepFile(record: FileRecord): Promise<void> {
    await this.#database.put('files', record)
  }

  async file(clipId: string): Promise<FileRecord | undefined> {
    return this.#database.get('files', clipId)
  }

  /** The copies of clips that are kept, largest first. */
  async copies(): Promise<KeptCopy[]> {
    const transaction = this.#database.transaction(['conversations', 'clips', 'files'])
    const clips = new Map((await transaction.objectStore('clips').getAll()).map((clip) => [clip.id, clip]))
    const conversations = await transaction.objectStore('conversations').getAll()
    const titles = new Map(conversations.map(({ id, title }) => [id, title]))
    const files = await transaction.objectStore('files').getAll()
    const copies = files.flatMap((file): KeptCopy[] => {
      if (file.kind !== 'copy') return []
      const clip = clips.get(file.clipId)
      const conversation = clip ? (titles.get(clip.conversationId) ?? null) : null
      return [{ clipId: file.clipId, bytes: file.blob.size, clip: clip?.name ?? null, conversation }]
    })
    return copies.sort((a, b) => b.bytes - a.bytes)
  }

  /** Deletes the copies of these clips; what is known of the clips stays. */
  async removeCopies(clipIds: readonly string[]): Promise<void> {
    const transaction = this.#database.transaction('files', 'readwrite')
    await Promise.all([...clipIds.map((id) => transaction.store.delete(id)), transaction.done])
  }

  close(): void {
    this.#database.close()
  }
}

/** Without case, width and accents: what a person means to find. */
const folded = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
