/**
 * Questions that were asked and are not in the database yet. A write takes a while, and waits for one that is under way (a
 * clip's frames): a page that goes away meanwhile takes it along. So a question is noted here in the same task in which it
 * is asked, forgotten once it is stored, and what is left is put in its place at the next visit (questions-left.ts). In
 * localStorage, which outlives the tab; under a key of its own each, so that tabs do not write over each other's.
 */
import { type ChatTurn, findTurn, hasEnded } from '../chat/reducer'
import type { Conversation } from '../conversations/model'

export type AskedQuestion = {
  readonly conversationId: string
  readonly turnId: string
  readonly question: string
  /** ms since the epoch, as `updatedAt`, which is the conversation's. */
  readonly askedAt: number
  readonly updatedAt: number
  /** The clip it is about; null: none yet. */
  readonly clipId: string | null
  readonly byParts: boolean
  /** Taken back before it was stored. */
  readonly stopped: boolean
  /** The conversation was not stored either. If not so, one that is not there was deleted. */
  readonly fresh: boolean
}

/** Keys of localStorage that begin so hold a question each. */
export const askedKeyStart = 'valley.asked.'
const keysOf = (conversationId: string) => `${askedKeyStart}${conversationId}.`

/** Notes the questions of this tab. Without localStorage it notes nothing. */
export class QuestionJournal {
  /** What is noted, by key, and since which state. */
  readonly #own = new Map<string, { readonly entry: AskedQuestion; readonly since: number }>()
  /** States are counted, so that a stored one tells which questions it holds. */
  readonly #states = new WeakMap<Conversation, number>()
  #count = 0

  /**
   * Takes a conversation's newest state and notes what is asked in it that was not in the one before.
   * @param fresh  nothing of the conversation is stored yet
   */
  note(conversation: Conversation, before: Conversation | undefined, fresh: boolean): void {
    this.#count += 1
    this.#states.set(conversation, this.#count)
    const was = before?.chat.turns ?? []
    const is = conversation.chat.turns
    if (was === is) return
    const keyOf = (turn: ChatTurn) => keysOf(conversation.id) + turn.id
    for (const [at, turn] of is.entries()) {
      if (turn === was[at]) continue
      const old = before && findTurn(before.chat, turn.id)
      const asked = !hasEnded(turn) && turn.question !== old?.question
      const key = keyOf(turn)
      if (asked || this.#own.has(key)) this.#keep(key, entryOf(conversation, turn, fresh))
    }
    if (was.length <= is.length) return
    const left = new Set(is.map(keyOf))
    for (const key of was.map(keyOf)) if (!left.has(key)) this.#forget(key)
  }

  /** This state of a conversation is stored now: what was asked until then is forgotten. */
  stored(conversation: Conversation): void {
    const state = this.#states.get(conversation) ?? 0
    for (const [key, { entry, since }] of this.#own) {
      if (entry.conversationId === conversation.id && since <= state) this.#forget(key)
    }
  }

  /** The conversation is deleted: none of its questions, of whichever tab, is to bring it back. */
  deleted(conversationId: string): void {
    for (const key of keysFrom(keysOf(conversationId))) this.#forget(key)
  }

  /** Keys of what other visits, or other tabs up to this moment, could not store. */
  left(): string[] {
    return keysFrom(askedKeyStart).filter((key) => !this.#own.has(key))
  }

  #keep(key: string, entry: AskedQuestion): void {
    const known = this.#own.get(key)
    if (known && isSame(known.entry, entry)) return
    this.#own.set(key, { entry, since: this.#count })
    try {
      localStorage.setItem(key, JSON.stringify(entry))
    } catch {
      // Blocked or full: the question is as safe as its write.
    }
  }

  #forget(key: string): void {
    this.#own.delete(key)
    try {
      localStorage.removeItem(key)
    } catch {
      // Without storage it was never there.
    }
  }
}

function entryOf({ id, updatedAt }: Conversation, turn: ChatTurn, fresh: boolean): AskedQuestion {
  const { id: turnId, question, askedAt, clipId, segments, status } = turn
  const what = { question, clipId, byParts: segments !== null, stopped: status === 'stopped' }
  return { conversationId: id, turnId, askedAt, updatedAt, ...what, fresh }
}

function keysFrom(start: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(start))
  } catch {
    return []
  }
}

/** Whether both ask for the same; that its answer goes on changes nothing. */
const isSame = (a: AskedQuestion, b: AskedQuestion) =>
  a.question === b.question && a.clipId === b.clipId && a.stopped === b.stopped
