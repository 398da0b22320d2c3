import { type ChatAction, type ChatState, chatReducer, emptyChat } from '../chat/reducer'
import { type ClipsAction, type ClipsState, clipsReducer, noClips } from '../clip/reducer'

/** One conversation: its clips and what was said about them. */
export type Conversation = {
  readonly id: string
  /** As the person named it; null: see `titleOf`. */
  readonly name: string | null
  /** ms since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly chat: ChatState
  readonly clips: ClipsState
}

/** What the list shows of a conversation, whether it is loaded or not. */
export type ConversationSummary = {
  readonly id: string
  /** null: nothing in it gives it a title. */
  readonly title: string | null
  readonly updatedAt: number
}

export type ConversationAction =
  | { readonly type: 'chat'; readonly action: ChatAction }
  | { readonly type: 'clips'; readonly action: ClipsAction }
  | { readonly type: 'named'; readonly name: string }

/** Long enough to be told apart, short enough for one line. */
const titleLength = 60

export const newConversation = (id: string, at: number): Conversation => ({
  id,
  name: null,
  createdAt: at,
  updatedAt: at,
  chat: emptyChat,
  clips: noClips,
})

/** Actions that come of the person's doing or of an answer; the rest (progress, reopening) leaves the date alone. */
const counts = (action: ConversationAction): boolean => {
  if (action.type === 'named') return false
  return ['asked', 'asked-anew', 'finished', 'stopped', 'failed', 'added', 'cleared'].includes(action.action.type)
}

export function conversationReducer(state: Conversation, action: ConversationAction, at: number): Conversation {
  const changed = change(state, action)
  if (changed === state) return state
  return counts(action) ? { ...changed, updatedAt: at } : changed
}

function change(state: Conversation, action: ConversationAction): Conversation {
  switch (action.type) {
    case 'chat': {
      const chat = chatReducer(state.chat, action.action)
      return chat === state.chat ? state : { ...state, chat }
    }
    case 'clips': {
      const clips = clipsReducer(state.clips, action.action)
      return clips === state.clips ? state : { ...state, clips }
    }
    case 'named':
      // An empty name gives the derived title back.
      return { ...state, name: action.name.trim() || null }
  }
}

/** There is nothing in it that could be lost. */
export const isEmpty = ({ chat, clips, name }: Conversation): boolean =>
  chat.turns.length === 0 && clips.order.length === 0 && name === null

/** Its name, else its first question, else its first clip; null where it has none of them. */
export function titleOf({ name, chat, clips }: Conversation): string | null {
  const first = chat.turns[0]?.question ?? clips.clips[clips.order[0] ?? '']?.name
  return name ?? (first === undefined ? null : shortened(first))
}

function shortened(text: string): string {
  const line = text.replace(/\s+/gu, ' ').trim()
  const characters = [...line]
  if (characters.length <= titleLength) return line
  const cut = characters.slice(0, titleLength - 1).join('')
  const space = cut.lastIndexOf(' ')
  // At a word where that keeps most of it; languages without spaces are cut anywhere.
  return `${space > cut.length / 2 ? cut.slice(0, space) : cut}…`
}

const summaryOf = (conversation: Conversation): ConversationSummary => ({
  id: conversation.id,
  title: titleOf(conversation),
  updatedAt: conversation.updatedAt,
})

/** The list, newest first, with this conversation as it is now. */
export function summariesWith(
  summaries: readonly ConversationSummary[],
  conversation: Conversation,
): readonly ConversationSummary[] {
  const others = summaries.filter(({ id }) => id !== conversation.id)
  if (isEmpty(conversation)) return others.length === summaries.length ? summaries : others
  const summary = summaryOf(conversation)
  const known = summaries.find(({ id }) => id === conversation.id)
  if (known && known.title === summary.title && known.updatedAt === summary.updatedAt) return summaries
  return [...others, summary].sort((a, b) => b.updatedAt - a.updatedAt)
}
