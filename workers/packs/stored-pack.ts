/**
 * Packs that were imported from a folder: their files in the origin-private file system, laid out as the folder was.
 * `opfs:/valley-packs/<pack>/pack.json` is the address of such a pack; relative paths resolve as on a server.
 */
import { keptFolders } from '../protocol'

const scheme = 'opfs:'

export const isStored = (url: string) => url.startsWith(scheme)
export const storedUrl = (path: string) => `${scheme}/${keptFolders.packs}/${path}`

/** The file at an `opfs:` address; null where there is none. */
export async function storedFile(url: string): Promise<File | null> {
  const folders = new URL(url).pathname.split('/').filter(Boolean).map(decodeURIComponent)
  const name = folders.pop()
  if (!name) return null
  try {
    let folder = await navigator.storage.getDirectory()
    for (const part of folders) folder = await folder.getDirectoryHandle(part)
    return await (await folder.getFileHandle(name)).getFile()
  } catch {
    return null
  }
}
