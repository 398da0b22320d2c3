/**
 * Questions that are written and not sent yet, by conversation, for as long as the tab lives: a reload, or a look at
 * another conversation, takes none away.
 */
import { type Conversation, isEmpty } from '../conversations/model'

const keyStart = 'valley.draft.'

/** An empty conversation gets another id with each visit; what is written there belongs to whichever is empty. */
export const draftPlace = (conversation: Conversation): string => (isEmpty(conversation) ? 'new' : conversation.id)

export function readDraft(place: string): string {
  try {
    return sessionStorage.getItem(keyStart + place) ?? ''
  } catch {
    return ''
  }
}

/** '': there is none any more. */
export function keepDraft(place: string, text: string): void {
  try {
    if (text === '') sessionStorage.removeItem(keyStart + place)
    else sessionStorage.setItem(keyStart + place, text)
  } catch {
    // Without storage it lives in the field alone.
  }
}
