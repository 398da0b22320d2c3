/**
 * What has come of a file so far, on disk, so that a download that ends in the middle (a pause, a reload, a closed tab)
 * goes on from there. Without a disk, or with one that is full, a download simply begins anew.
 */
import { hasPrivateFiles, openAccess, privateFolder, type SyncAccess, writeAll } from '../cache/private-files'
import { keptFolders } from '../protocol'
import type { FileEntry } from './schema'

export class PartialFile {
  readonly #folder: FileSystemDirectoryHandle
  readonly #name: string
  #access: SyncAccess | null
  #done: number

  private constructor(folder: FileSystemDirectoryHandle, name: string, access: SyncAccess, done: number) {
    this.#folder = folder
    this.#name = name
    this.#access = access
    this.#done = done
  }

  /** The part of `entry` that is here, open for more; null where none can be kept, or another tab is at it. */
  static async open(entry: FileEntry): Promise<PartialFile | null> {
    if (!hasPrivateFiles()) return null
    try {
      const folder = await privateFolder(keptFolders.partial)
      const access = await openAccess(await folder.getFileHandle(entry.sha256, { create: true }))
      // As long as the whole and still here: it was found wrong, or was about to be checked.
      if (access.getSize() >= entry.bytes) access.truncate(0)
      return new PartialFile(folder, entry.sha256, access, access.getSize())
    } catch (thrown) {
      console.warn('a download cannot be kept in part', thrown)
      return null
    }
  }

  /** Bytes that are here, from the start of the file. */
  get done(): number {
    return this.#done
  }

  /** Copies what is here into the beginning of `target`. */
  readInto(target: Uint8Array<ArrayBuffer>): void {
    this.#access?.read(target.subarray(0, this.#done), { at: 0 })
  }

  append(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#access) return
    try {
      writeAll(this.#access, bytes, this.#done)
      this.#done += bytes.length
    } catch (thrown) {
      console.warn('no room for a part of a download, going on without it', thrown)
      void this.remove()
    }
  }

  /** Forgets what is here; what is appended from then on is the file from its start. */
  clear(): void {
    this.#access?.truncate(0)
    this.#done = 0
  }

  close(): void {
    this.#access?.close()
    this.#access = null
  }

  async remove(): Promise<void> {
    this.close()
    await this.#folder.removeEntry(this.#name).catch(() => {})
  }
}
