import type { ValleyError } from '../../workers/protocol'
import { type ChatAction, type ChatState, findTurn } from '../chat/reducer'
import type { Clip, ClipsAction, ClipsState } from '../clip/reducer'
import {
  type Conversation,
  type ConversationAction,
  type ConversationSummary,
  conversationReducer,
  newConversation,
  summariesWith,
} from '../conversations/model'

/** Something the person should know; stays until dismissed. */
export type Notice = { readonly id: string } & (
  | { readonly kind: 'error'; readonly error: ValleyError; readonly name: string }
  /** The clip is too large to be copied without asking. `bytes`: its size. */
  | { readonly kind: 'large-clip'; readonly clipId: string; readonly name: string; readonly bytes: number }
  /** A clip is not kept; after a reload it has to be chosen again. */
  | { readonly kind: 'clip-not-kept'; readonly name: string }
  /** The last words are not stored; they will be with the next change, if there is room. */
  | { readonly kind: 'not-stored' }
  /** This browser keeps nothing, or not any more. */
  | { readonly kind: 'no-storage' }
  | { readonly kind: 'not-a-conversation'; readonly name: string }
  | { readonly kind: 'folder' }
  /** There are no timed descriptions to save. */
  | { readonly kind: 'no-times' }
  /** The browser refused what was asked for (a deletion, a saved file). */
  | { readonly kind: 'refused' }
)

export type NewNotice = Notice extends infer One ? (One extends Notice ? Omit<One, 'id'> : never) : never

/** What a screen reader hears: only ends and beginnings, never tokens. */
export type Announcement =
  | { readonly kind: 'clip-ready'; readonly name: string; readonly frames: number }
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'stopped' }

export type SessionState = {
  /** The conversation on the screen, and its parts. */
  readonly conversation: Conversation
  readonly chat: ChatState
  readonly clips: ClipsState
  /** All that have anything in them, newest first. */
  readonly conversations: readonly ConversationSummary[]
  readonly notices: readonly Notice[]
  readonly announcement: Announcement | null
  /** The turn that the engine is at work on, in whichever conversation. */
  readonly runningTurn: string | null
}

/**
 * Holds the state: the conversation on the screen, and those left behind in which something still goes on. Changes only
 * through the reducers; React reads it through `subscribe` and `getState`.
 */
export class Workspace {
  readonly #listeners = new Set<() => void>()
  readonly #loaded = new Map<string, Conversation>()
  readonly #onChange: (conversation: Conversation) => void
  #state: SessionState

  /** @param onChange  sees each conversation after each change of it */
  constructor(onChange: (conversation: Conversation) => void) {
    this.#onChange = onChange
    const conversation = newConversation(crypto.randomUUID(), Date.now())
    this.#loaded.set(conversation.id, conversation)
    const { chat, clips } = conversation
    this.#state = { conversation, chat, clips, conversations: [], notices: [], announcement: null, runningTurn: null }
  }

  get state(): SessionState {
    return this.#state
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The conversation on the screen first. */
  get loaded(): readonly Conversation[] {
    const current = this.#state.conversation
    return [current, ...[...this.#loaded.values()].filter(({ id }) => id !== current.id)]
  }

  conversation(id: string): Conversation | undefined {
    return this.#loaded.get(id)
  }

  conversationOfTurn(turnId: string): Conversation | undefined {
    return this.loaded.find(({ chat }) => findTurn(chat, turnId))
  }

  clip(id: string): { readonly clip: Clip; readonly conversation: Conversation } | undefined {
    for (const conversation of this.#loaded.values()) {
      const clip = conversation.clips.clips[id]
      if (clip) return { clip, conversation }
    }
    return undefined
  }

  chat(conversationId: string, action: ChatAction): void {
    this.#apply(conversationId, { type: 'chat', action })
  }

  clips(conversationId: string, action: ClipsAction): void {
    this.#apply(conversationId, { type: 'clips', action })
  }

  rename(conversationId: string, name: string): void {
    this.#apply(conversationId, { type: 'named', name })
  }

  /** Puts a conversation on the screen; the one before stays loaded until `unload`. */
  show(conversation: Conversation): void {
    this.#loaded.set(conversation.id, conversation)
    const { chat, clips } = conversation
    this.update({ conversation, chat, clips, announcement: null, notices: [] })
  }

  showNew(): void {
    this.show(newConversation(crypto.randomUUID(), Date.now()))
  }

  unload(conversationId: string): void {
    if (conversationId !== this.#state.conversation.id) this.#loaded.delete(conversationId)
  }

  notify(notice: NewNotice): void {
    // The same trouble again says nothing new.
    const same = this.#state.notices.some(({ id, ...rest }) => JSON.stringify(rest) === JSON.stringify(notice))
    if (!same) this.update({ notices: [...this.#state.notices, { ...notice, id: crypto.randomUUID() } as Notice] })
  }

  dismiss(drop: (notice: Notice) => boolean): void {
    const notices = this.#state.notices.filter((notice) => !drop(notice))
    if (notices.length < this.#state.notices.length) this.update({ notices })
  }

  announce(announcement: Announcement): void {
    this.update({ announcement })
  }

  update(change: Partial<SessionState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }

  #apply(conversationId: string, action: ConversationAction): void {
    const before = this.#loaded.get(conversationId)
    // Deleted meanwhile: what comes late has nowhere to go.
    if (!before) return
    const conversation = conversationReducer(before, action, Date.now())
    if (conversation === before) return
    this.#loaded.set(conversationId, conversation)
    const conversations = summariesWith(this.#state.conversations, conversation)
    const { chat, clips } = conversation
    const shown = conversationId === this.#state.conversation.id ? { conversation, chat, clips } : {}
    this.update({ conversations, ...shown })
    this.#onChange(conversation)
  }
}
