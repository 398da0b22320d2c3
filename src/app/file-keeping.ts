import type { ClipKeeping } from '../storage/clip-files'
import type { Shelf } from '../storage/shelf'
import type { Workspace } from './workspace'

type Options = {
  readonly workspace: Workspace
  /** null: nothing is kept. */
  readonly shelf: Shelf | null
  readonly how: () => ClipKeeping
}

/** Hands the files of clips to the shelf: each once, a large one only after the person agreed. */
export class FileKeeping {
  readonly #options: Options
  /** Clips whose file is kept or was decided about, since the page was opened. */
  readonly #decided = new Set<string>()

  constructor(options: Options) {
    this.#options = options
  }

  /** Keeps the clip's file; once is enough. One that is refused goes again with its clip. */
  async keep(clipId: string, evenLarge = false): Promise<void> {
    const { workspace, shelf, how } = this.#options
    const clip = workspace.clip(clipId)?.clip
    if (!clip?.file || !shelf || (this.#decided.has(clipId) && !evenLarge)) return
    this.#decided.add(clipId)
    const { name, file } = clip
    try {
      const kept = await shelf.keepClip(clipId, file, how(), evenLarge)
      if (kept === 'asks' && workspace.clip(clipId))
        workspace.notify({ kind: 'large-clip', clipId, name, bytes: file.size })
    } catch (thrown) {
      console.warn('the clip is not kept', thrown)
      if (workspace.clip(clipId)) workspace.notify({ kind: 'clip-not-kept', name })
    }
  }

  /** The person agreed: a copy whatever its size. */
  keepLarge(clipId: string): void {
    this.#dropQuestion(clipId)
    void this.keep(clipId, true)
  }

  /** The clip goes away, or gets another file. */
  forget(clipId: string): void {
    this.#decided.delete(clipId)
    this.#dropQuestion(clipId)
  }

  #dropQuestion(clipId: string): void {
    this.#options.workspace.dismiss((notice) => notice.kind === 'large-clip' && notice.clipId === clipId)
  }
}
