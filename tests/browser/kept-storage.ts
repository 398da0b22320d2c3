/** What the app keeps in this browser, as tests find it and leave it. */
import { keptFolders } from '../../workers/protocol'

/** As before a first visit: no folder of the app's and no cache. */
export async function emptyStorage(): Promise<void> {
  const root = await navigator.storage.getDirectory()
  for (const folder of Object.values(keptFolders)) await root.removeEntry(folder, { recursive: true }).catch(() => {})
  for (const cache of await caches.keys()) await caches.delete(cache)
}

/** The files in one of the app's folders, which is made where it is not there. */
export async function filesKept(folder: keyof typeof keptFolders): Promise<FileSystemFileHandle[]> {
  const root = await navigator.storage.getDirectory()
  const handle = await root.getDirectoryHandle(keptFolders[folder], { create: true })
  const found: FileSystemFileHandle[] = []
  for await (const entry of handle.values()) if (entry.kind === 'file') found.push(entry as FileSystemFileHandle)
  return found
}
