import { hubManifestName, keptFolders } from '../../workers/protocol'

/** pack.json of an imported pack, which lies in the origin-private file system. @throws DOMException where it does not */
export async function storedManifest(packUrl: string): Promise<unknown> {
  const folders = new URL(packUrl).pathname.split('/').filter(Boolean).map(decodeURIComponent)
  const name = folders.pop() ?? ''
  let folder = await navigator.storage.getDirectory()
  for (const part of folders) folder = await folder.getDirectoryHandle(part)
  return JSON.parse(await (await (await folder.getFileHandle(name)).getFile()).text())
}

/** What is kept of a repository of the hub beside its files. @throws DOMException where it is not here */
export async function hubManifest(repository: string): Promise<unknown> {
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle(keptFolders.hub)
  return JSON.parse(await (await (await folder.getFileHandle(hubManifestName(repository))).getFile()).text())
}
