import type { ConversationStore } from './conversation-store'

/** How the person wants clips to be kept. `link`: by their place on disk, where the browser can. */
export const clipKeepings = ['copy', 'link'] as const
export type ClipKeeping = (typeof clipKeepings)[number]

/** Larger clips (bytes) are copied only where the person says so. */
export const largestUnasked = 256 * 1024 * 1024

/** `copy`: it is read from the copy that is kept here, not from its place on disk. */
export type FoundFile =
  | { readonly kind: 'file'; readonly file: Blob; readonly copy: boolean }
  | { readonly kind: 'locked' | 'missing' }

/** `asks`: too large to be copied unasked. */
export type Kept = 'copied' | 'linked' | 'asks'

// Not in TypeScript's library: only Chromium has them.
type WithPermission = FileSystemFileHandle & {
  queryPermission?(how: { mode: 'read' }): Promise<PermissionState>
  requestPermission?(how: { mode: 'read' }): Promise<PermissionState>
}

const handles = new WeakMap<Blob, FileSystemFileHandle>()

/** Remembers where a file came from, for as long as the file lives. */
export function rememberHandle(file: File, handle: FileSystemFileHandle): void {
  handles.set(file, handle)
}

/** The clips themselves, kept beside their conversations as the person chose. */
export class ClipFiles {
  readonly #store: Pick<ConversationStore, 'keepFile' | 'file'>

  constructor(store: Pick<ConversationStore, 'keepFile' | 'file'>) {
    this.#store = store
  }

  /**
   * Keeps a clip. `evenLarge`: the person wants a copy whatever its size.
   * @throws DOMException QuotaExceededError, and others where the file cannot be read
   */
  async keep(clipId: string, file: Blob, keeping: ClipKeeping, evenLarge = false): Promise<Kept> {
    const handle = handles.get(file)
    if (handle && keeping === 'link' && !evenLarge) {
      await this.#store.keepFile({ clipId, kind: 'handle', handle })
      return 'linked'
    }
    if (file.size > largestUnasked && !evenLarge) {
      // Better than nothing until the person has answered, and if they do not.
      if (handle) await this.#store.keepFile({ clipId, kind: 'handle', handle })
      return 'asks'
    }
    await this.#store.keepFile({ clipId, kind: 'copy', blob: file })
    return 'copied'
  }

  /** Finds a kept clip. `ask`: the browser may ask the person for leave to read it; only right after they pressed something. */
  async find(clipId: string, ask: boolean): Promise<FoundFile> {
    const record = await this.#store.file(clipId)
    if (!record) return { kind: 'missing' }
    if (record.kind === 'copy') return { kind: 'file', file: record.blob, copy: true }
    const handle = record.handle as WithPermission
    const how = { mode: 'read' } as const
    let state = (await handle.queryPermission?.(how)) ?? 'granted'
    if (state === 'prompt' && ask) state = (await handle.requestPermission?.(how)) ?? state
    if (state !== 'granted') return { kind: 'locked' }
    try {
      const file = await handle.getFile()
      rememberHandle(file, record.handle)
      return { kind: 'file', file, copy: false }
    } catch (thrown) {
      // Moved, renamed or deleted.
      if (thrown instanceof DOMException) return { kind: 'missing' }
      throw thrown
    }
  }
}
