/** Questions that earlier visits asked and could not store any more (question-journal.ts); loaded only where there are any. */
import { type ChatAction, findTurn } from '../chat/reducer'
import { type Conversation, conversationReducer, newConversation } from '../conversations/model'
import type { ConversationStore } from './conversation-store'
import type { AskedQuestion } from './question-journal'

/** Puts what is noted under these keys of localStorage into its conversations. What cannot be stored now stays noted. */
export async function putInPlace(keys: readonly string[], store: Pick<ConversationStore, 'amend'>): Promise<void> {
  const found = keys.map((key) => ({ key, asked: read(key) }))
  for (const { key, asked } of found.sort((a, b) => (a.asked?.askedAt ?? 0) - (b.asked?.askedAt ?? 0))) {
    // Of a tab that is open it may be gone by the time the database is ours.
    const change = (stored: Conversation | null) => (asked && read(key) ? withQuestion(stored, asked) : null)
    try {
      if (asked) await store.amend(asked.conversationId, change)
      localStorage.removeItem(key)
    } catch (cause) {
      console.warn('a question is not stored', cause)
    }
  }
}

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
