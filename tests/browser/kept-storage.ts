/** What the app keeps in this browser, as tests find it and leave it. */
import { expect, vi } from 'vitest'
import { unpackRecord } from '../../workers/cache/records'
import { keptFolders } from '../../workers/protocol'

/** As before a first visit: no folder of the app's and no cache. */
export async function emptyStorage(): Promise<void> {
  for (const folder of Object.values(keptFolders)) await removeFolder(folder)
  for (const cache of await caches.keys()) await caches.delete(cache)
}

/** A worker that was just ended may hold a file for a moment more: what one test kept would answer the next. */
export async function removeFolder(name: string): Promise<void> {
  const root = await navigator.storage.getDirectory()
  const removed = () =>
    root.removeEntry(name, { recursive: true }).then(
      () => true,
      ({ name: fault }: DOMException) => fault === 'NotFoundError',
    )
  await expect.poll(removed).toBe(true)
}

/** Opens a file to change it, once whoever wrote it has let go of it: its bytes are seen before that. */
export const openToChange = (file: FileSystemFileHandle): Promise<FileSystemWritableFileStream> =>
  vi.waitFor(() => file.createWritable({ keepExistingData: true }), { timeout: 30_000 })

/** The files in one of the app's folders, which is made where it is not there. */
export async function filesKept(folder: keyof typeof keptFolders): Promise<FileSystemFileHandle[]> {
  const root = await navigator.storage.getDirectory()
  const handle = await root.getDirectoryHandle(keptFolders[folder], { create: true })
  const found: FileSystemFileHandle[] = []
  for await (const entry of handle.values()) if (entry.kind === 'file') found.push(entry as FileSystemFileHandle)
  return found
}

/** Until so many records are written, whole: a worker does that behind what it was asked, and ended before it keeps none. */
export async function recordsKept(folder: 'clips' | 'prefixes', count: number): Promise<void> {
  const written = async () => {
    let whole = 0
    for (const handle of await filesKept(folder)) {
      const bytes = await (await handle.getFile()).arrayBuffer()
      if (await unpackRecord(new Uint8Array(bytes))) whole += 1
    }
    return whole
  }
  await expect.poll(written).toBe(count)
}
