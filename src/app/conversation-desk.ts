import { keepDraft } from '../chat/drafts'
import { isAtHand } from '../clip/reducer'
import { type Conversation, conversationReducer, isEmpty, summariesWith } from '../conversations/model'
import type { Shelf } from '../storage/shelf'
import type { Answering } from './answering'
import type { ClipDesk } from './clip-desk'
import type { Workspace } from './workspace'

export type ConversationDeskOptions = {
  readonly workspace: Workspace
  readonly shelf: Shelf | null
  readonly clips: ClipDesk
  readonly answering: Answering
}

/** Which conversation is on the screen; brings stored ones back and lets go of those left behind. */
export class ConversationDesk {
  readonly #options: ConversationDeskOptions
  /** Counts what was asked for, so that a slow load does not overtake a later choice. */
  #choice = 0

  constructor(options: ConversationDeskOptions) {
    this.#options = options
  }

  /** Brings back the list and what this tab showed last, unless something was begun meanwhile. */
  async restore(): Promise<void> {
    const { shelf, workspace } = this.#options
    if (!shelf) return
    const choice = ++this.#choice
    const stored = await shelf.list()
    workspace.update({ conversations: summariesWith(stored, workspace.state.conversation) })
    const id = await shelf.first(stored[0]?.id)
    if (id !== undefined) await this.#load(id, () => choice === this.#choice && isEmpty(workspace.state.conversation))
    shelf.setShown(workspace.state.conversation.id)
  }

  /** Takes in what other tabs did to the list. */
  async refresh(): Promise<void> {
    const { shelf, workspace } = this.#options
    if (!shelf) return
    await shelf.flush()
    workspace.update({ conversations: summariesWith(await shelf.list(), workspace.state.conversation) })
  }

  async show(id: string): Promise<void> {
    const { workspace } = this.#options
    const choice = ++this.#choice
    const loaded = workspace.conversation(id)
    if (loaded) this.#show(loaded)
    else await this.#load(id, () => choice === this.#choice)
  }

  showNew(): void {
    const { workspace, shelf } = this.#options
    this.#choice += 1
    if (isEmpty(workspace.state.conversation)) return
    workspace.showNew()
    shelf?.setShown(workspace.state.conversation.id)
    this.tidy()
  }

  async rename(id: string, name: string): Promise<void> {
    const { workspace, shelf } = this.#options
    if (workspace.conversation(id)) return workspace.rename(id, name)
    const conversation = await shelf?.load(id)
    if (!conversation || !shelf) return
    shelf.loaded(conversation)
    this.#add(conversationReducer(conversation, { type: 'named', name }, Date.now()))
    await shelf.release(id)
  }

  /** Deletes a conversation with its clips. @throws DOMException where the browser refuses */
  async remove(id: string): Promise<void> {
    const { workspace, shelf, clips, answering } = this.#options
    if (answering.running?.conversationId === id) answering.stop()
    for (const clipId of workspace.conversation(id)?.clips.order ?? []) clips.close(clipId)
    if (workspace.state.conversation.id === id) {
      workspace.showNew()
      shelf?.setShown(workspace.state.conversation.id)
    }
    workspace.unload(id)
    keepDraft(id, '')
    workspace.update({ conversations: workspace.state.conversations.filter((summary) => summary.id !== id) })
    await shelf?.remove(id)
  }

  /** The conversation as it is now, loaded or stored. */
  async read(id: string): Promise<Conversation | null> {
    const { workspace, shelf } = this.#options
    return workspace.conversation(id) ?? (await shelf?.load(id)) ?? null
  }

  /** Ids of the conversations that hold every word of `query`. @throws DOMException */
  async search(query: string): Promise<ReadonlySet<string>> {
    return (await this.#options.shelf?.search(query)) ?? new Set()
  }

  /** Shows a conversation that comes from a file, and keeps it. */
  takeIn(conversation: Conversation): void {
    this.#choice += 1
    this.#add(conversation)
    this.#show(conversation)
  }

  /** Lets go of conversations left behind in which nothing goes on any more. */
  tidy(): void {
    const { workspace, shelf, clips, answering } = this.#options
    const { busy } = clips
    for (const conversation of workspace.loaded.slice(1)) {
      const { id } = conversation
      if (answering.isBusyWith(conversation) || conversation.clips.order.some((clipId) => busy.has(clipId))) continue
      for (const clipId of conversation.clips.order) clips.close(clipId)
      workspace.unload(id)
      void shelf?.release(id)
    }
  }

  #add(conversation: Conversation): void {
    const { workspace, shelf } = this.#options
    shelf?.note(conversation)
    workspace.update({ conversations: summariesWith(workspace.state.conversations, conversation) })
  }

  async #load(id: string, stillWanted: () => boolean): Promise<void> {
    const { workspace, shelf } = this.#options
    const conversation = await shelf?.load(id)
    if (!conversation || !stillWanted() || workspace.conversation(id)) return
    shelf?.loaded(conversation)
    this.#show(conversation)
  }

  #show(conversation: Conversation): void {
    const { workspace, shelf, clips, answering } = this.#options
    const before = workspace.state.conversation
    workspace.show(conversation)
    // An empty one that is left behind was never anything.
    if (isEmpty(before)) workspace.unload(before.id)
    shelf?.setShown(conversation.id)
    const { chat, clips: known } = conversation
    const waited = chat.turns.filter(({ status }) => status === 'waiting').map(({ clipId }) => clipId)
    for (const clipId of new Set([known.activeId, ...waited])) {
      const clip = clipId === null ? undefined : known.clips[clipId]
      if (clip && isAtHand(clip)) void clips.open(conversation.id, clip.id)
    }
    answering.next()
    this.tidy()
  }
}
