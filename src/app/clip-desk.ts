import { type EncodedClip, type ErrorCode, toValleyError, type ValleyError } from '../../workers/protocol'
import type { Engine } from '../assistant/engine'
import { SerialQueue } from '../assistant/serial-queue'
import { activeClip } from '../clip/reducer'
import type { FoundFile } from '../storage/clip-files'
import type { Workspace } from './workspace'

/** Errors that another file would not have. */
const fileFaults: ReadonlySet<ErrorCode> = new Set([
  'file-unreadable',
  'not-a-video',
  'empty-file',
  'no-video-track',
  'codec-unsupported',
  'clip-damaged',
])

/** `known`: it was opened before; `kept`: from what was kept of it, after its file failed. A new one that fails gives way to the clip shown before it. */
type Origin = 'known' | 'kept' | { readonly shownBefore: string | null }

export type ClipDeskOptions = {
  readonly engine: Pick<Engine, 'encode' | 'forget'>
  readonly workspace: Workspace
  /** Upper bound of sampled frames, as the settings are now. */
  readonly frames: () => number
  /** Finds the file of a clip that was kept. */
  readonly find: (clipId: string, ask: boolean) => Promise<FoundFile>
  /** The clip's tokens are there, or will not be: waiting questions may have to move. */
  readonly onSettled: (clipId: string, ready: boolean) => void
  readonly onRefused: (error: ValleyError) => void
}

/** Opens clips, one after another, and lets go of them: what the engine holds is what is open here. */
export class ClipDesk {
  readonly #options: ClipDeskOptions
  readonly #jobs = new Map<string, AbortController>()
  /** One clip at a time gets all of the machine; the others wait for it. */
  readonly #line = new SerialQueue()

  constructor(options: ClipDeskOptions) {
    this.#options = options
  }

  /** Adds a new clip to a conversation and looks at it. */
  add(conversationId: string, file: Blob, name: string, active: boolean): string {
    const { workspace } = this.#options
    const id = crypto.randomUUID()
    const before = workspace.conversation(conversationId)?.clips.activeId ?? null
    workspace.clips(conversationId, { type: 'added', id, name, file, active })
    if (active) workspace.chat(conversationId, { type: 'clip-opened', clipId: id, name })
    void this.#encode(conversationId, id, { shownBefore: before })
    return id
  }

  /** Looks at a known clip, finding its file first where that is not at hand. `ask`: the person may be asked for leave. */
  async open(conversationId: string, clipId: string, ask = false): Promise<void> {
    const { workspace, find } = this.#options
    const clip = workspace.clip(clipId)?.clip
    if (!clip || this.#jobs.has(clipId) || clip.status === 'ready') return
    if (clip.file) return this.reopen(conversationId, clipId, clip.file)
    const found = await find(clipId, ask)
    // It was chosen anew, closed or deleted while it was looked for.
    if (workspace.clip(clipId)?.clip !== clip) return
    if (found.kind === 'file') this.reopen(conversationId, clipId, found.file)
    else workspace.clips(conversationId, { type: 'lost', id: clipId, why: found.kind })
  }

  /** Looks at a clip from this file: the person chose it again, or frames are to be sampled anew. */
  reopen(conversationId: string, clipId: string, file: Blob, origin: 'known' | 'kept' = 'known'): void {
    this.close(clipId)
    this.#options.workspace.clips(conversationId, { type: 'reopened', id: clipId, file })
    void this.#encode(conversationId, clipId, origin)
  }

  /** Ends work on a clip and frees what the engine holds of it. */
  close(clipId: string): void {
    this.#jobs.get(clipId)?.abort()
    this.#jobs.delete(clipId)
    this.#options.engine.forget(clipId)
  }

  get busy(): ReadonlySet<string> {
    return new Set(this.#jobs.keys())
  }

  async #encode(conversationId: string, clipId: string, origin: Origin): Promise<void> {
    const { engine, workspace, frames, onSettled } = this.#options
    const controller = new AbortController()
    this.#jobs.set(clipId, controller)
    const { signal } = controller
    try {
      const leave = await this.#line.enter(signal)
      try {
        const clip = workspace.clip(clipId)?.clip
        if (!clip?.file) return
        const { file, name } = clip
        const again = (encoded: EncodedClip) =>
          workspace.clips(conversationId, { type: 'event', id: clipId, event: { type: 'encoded', clip: encoded } })
        for await (const event of engine.encode(file, { clipId, name, frames: frames() }, signal, again)) {
          if (signal.aborted) return
          workspace.clips(conversationId, { type: 'event', id: clipId, event })
          if (event.type !== 'encoded' || conversationId !== workspace.state.conversation.id) continue
          workspace.announce({ kind: 'clip-ready', name, frames: event.clip.timestamps.length })
        }
      } finally {
        leave()
      }
      if (signal.aborted) return
      this.#jobs.delete(clipId)
      onSettled(clipId, true)
    } catch (thrown) {
      const error = toValleyError(thrown)
      const kept = origin === 'known' && error.code === 'file-unreadable' ? await this.#findKept(clipId) : null
      if (signal.aborted) return
      if (kept) this.reopen(conversationId, clipId, kept, 'kept')
      else this.#fail(conversationId, clipId, origin, error)
    } finally {
      if (this.#jobs.get(clipId) === controller) this.#jobs.delete(clipId)
    }
  }

  /** The file was moved, deleted or changed since it was opened; what was kept of it may still be there. */
  async #findKept(clipId: string): Promise<Blob | null> {
    const found = await this.#options.find(clipId, false)
    return found.kind === 'file' ? found.file : null
  }

  /**
   * A new clip that cannot be opened goes away; a known one stays: its file is to be chosen again where that is at fault,
   * else it is put aside and can be taken up again.
   */
  #fail(conversationId: string, clipId: string, origin: Origin, error: ValleyError): void {
    const { workspace, onSettled, onRefused } = this.#options
    const found = workspace.clip(clipId)
    this.close(clipId)
    if (!found) return
    onRefused(error)
    workspace.notify({ kind: 'error', error, name: found.clip.name })
    if (typeof origin === 'string') {
      const lost = { type: 'lost', id: clipId, why: 'missing' } as const
      workspace.clips(conversationId, fileFaults.has(error.code) ? lost : { type: 'put-aside', id: clipId })
    } else {
      const others = found.conversation.clips.order.filter((id) => id !== clipId)
      const show = origin.shownBefore ?? others.at(-1) ?? null
      workspace.clips(conversationId, { type: 'removed', id: clipId, show })
      const next = workspace.conversation(conversationId)
      const fallback = next ? activeClip(next.clips) !== null : false
      workspace.chat(conversationId, { type: 'clip-failed', clipId, error, fallback })
    }
    onSettled(clipId, false)
  }
}
