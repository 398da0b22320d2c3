/**
 * Questions that were asked and are not in the database yet. A write takes a while, and waits for one that is under way (a
 * clip's frames): a page that goes away meanwhile takes it along. So a question is noted here in the same task in which it
 * is asked, forgotten once it is stored, and what is left is put in its place at the next visit. In localStorage, which
 * outlives the tab; under a key of its own each, so that tabs do not write over each other's.
 */
import { type ChatAction, type ChatTurn, findTurn, hasEnded } from '../chat/reducer'
import { type Conversation, conversationReducer, newConversation } from '../conversations/model'

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

/** The questions of this tab, and those that other visits left behind. Without localStorage there are none. */
export class QuestionJournal {
  /** Noted by this tab, by turn, and since which state. */
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
    for (const [at, turn] of is.entries()) {
      if (turn === was[at]) continue
      const old = before && findTurn(before.chat, turn.id)
      const asked = !hasEnded(turn) && turn.question !== old?.question
      if (asked || this.#own.has(turn.id)) this.#keep(conversation, turn, fresh)
    }
    if (was.length <= is.length) return
    const left = new Set(is.map(({ id }) => id))
    for (const { id } of was) if (!left.has(id)) this.forget(id)
  }

  /** This state of a conversation is stored now: what was asked until then is forgotten. */
  stored(conversation: Conversation): void {
    const state = this.#states.get(conversation) ?? 0
    for (const [turnId, { entry, since }] of this.#own) {
      if (entry.conversationId === conversation.id && since <= state) this.forget(turnId)
    }
  }

  /** The conversation is deleted: none of its questions, of whichever tab, is to bring it back. */
  deleted(conversationId: string): void {
    for (const entry of entries()) if (entry.conversationId === conversationId) this.forget(entry.turnId)
  }

  /** What other visits, or other tabs up to this moment, could not store, oldest first. */
  left(): AskedQuestion[] {
    return entries()
      .filter(({ turnId }) => !this.#own.has(turnId))
      .sort((a, b) => a.askedAt - b.askedAt)
  }

  /** Whether it is still noted: another tab may have stored it, or deleted its conversation. */
  has(turnId: string): boolean {
    return read(askedKeyStart + turnId) !== null
  }

  forget(turnId: string): void {
    this.#own.delete(turnId)
    try {
      localStorage.removeItem(askedKeyStart + turnId)
    } catch {
      // Without storage it was never there.
    }
  }

  #keep({ id: conversationId, updatedAt }: Conversation, turn: ChatTurn, fresh: boolean): void {
    const { id: turnId, question, askedAt, clipId, segments } = turn
    const what = { question, clipId, byParts: segments !== null, stopped: turn.status === 'stopped' }
    const entry = { conversationId, turnId, askedAt, updatedAt, ...what, fresh }
    const known = this.#own.get(turnId)
    if (known && isSame(known.entry, entry)) return
    this.#own.set(turnId, { entry, since: this.#count })
    try {
      localStorage.setItem(askedKeyStart + turnId, JSON.stringify(entry))
    } catch {
      // Blocked or full: the question is as safe as its write.
    }
  }
}

/** Whether both ask for the same; that its answer goes on changes nothing. */
const isSame = (a: AskedQuestion, b: AskedQuestion) =>
  a.question === b.question && a.clipId === b.clipId && a.stopped === b.stopped

/**
 * The conversation with a question that was asked in it and not stored. null: there is nothing to do, since it is there, or
 * its conversation was deleted.
 * @param stored  as it is in the database; null: it is not
 */
export function withQuestion(stored: Conversation | null, asked: AskedQuestion): Conversation | null {
  const { conversationId, turnId, question, askedAt, updatedAt, byParts } = asked
  if (!stored && !asked.fresh) return null
  const talk = stored ?? newConversation(conversationId, askedAt)
  const there = findTurn(talk.chat, turnId)
  // A clip that was not stored either has to be opened again; the question then is about that.
  const clip = talk.clips.clips[asked.clipId ?? '']
  const about = clip ? { clipId: clip.id, name: clip.name } : null
  const after = (state: Conversation, action: ChatAction) =>
    conversationReducer(state, { type: 'chat', action }, Math.max(state.updatedAt, updatedAt))
  let result = talk
  if (!there) result = after(talk, { type: 'asked', turnId, question, about, at: askedAt, byParts })
  else if (there.question !== question) result = after(talk, { type: 'asked-anew', turnId, question, about })
  if (asked.stopped && findTurn(result.chat, turnId)?.status === 'waiting') {
    result = after(result, { type: 'stopped', turnId, answer: '' })
  }
  return result === stored ? null : result
}

function entries(): AskedQuestion[] {
  try {
    return Object.keys(localStorage).flatMap((key) => (key.startsWith(askedKeyStart) ? (read(key) ?? []) : []))
  } catch {
    return []
  }
}

/** null: there is none, or it is damaged. */
function read(key: string): AskedQuestion | null {
  try {
    const entry = JSON.parse(localStorage.getItem(key) ?? 'null') as AskedQuestion | null
    const whole =
      entry && [entry.conversationId, entry.turnId, entry.question].every((part) => typeof part === 'string')
    return whole ? entry : null
  } catch {
    return null
  }
}
