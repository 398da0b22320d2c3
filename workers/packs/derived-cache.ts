/**
 * Derived weights kept between visits, one file a derivation in the origin-private file system: its synchronous handles
 * read and write the 135 MB faster than Cache Storage does. Whatever goes wrong here (private window, quota) costs a
 * derivation, never the load.
 */
import type { BaseManifest, GraphFlavour, PackManifest } from './schema'
import { allocate, sha256 } from './source'

export type DerivedKey = {
  /** Shared by all versions of the same thing: a new version replaces the old. */
  readonly family: string
  /** Hash over everything that the derived bytes depend on. */
  readonly hash: string
}

/** Workers only, hence absent from the page's types, under which tests compile this file. */
type SyncAccess = {
  getSize(): number
  read(target: Uint8Array<ArrayBuffer>, at: { at: number }): number
  write(source: Uint8Array<ArrayBuffer>, at: { at: number }): number
  truncate(size: number): void
  flush(): void
  close(): void
}
type SyncFile = FileSystemFileHandle & { createSyncAccessHandle(): Promise<SyncAccess> }

const folderName = 'valley-derived'
/** Closes every complete file; a write that was cut short lacks it. */
const trailer = new TextEncoder().encode('valley-derived-1')

/** The key of what `flavour` derives to from this base, adapter and version of the derivation. */
export async function derivedKey(
  base: BaseManifest,
  pack: PackManifest,
  flavour: GraphFlavour,
  version: number,
): Promise<DerivedKey> {
  const weights = base.files.weights.map((file) => file.sha256)
  const parts = [version, weights, base.tensors, base.graphs[flavour]?.tensors, pack.adapter]
  const hash = await sha256(new TextEncoder().encode(JSON.stringify(parts)))
  const family = [base.id, pack.adapter ? pack.id : 'plain', flavour].join('+').replaceAll(/[^\w+.-]/g, '_')
  return { family, hash: hash.slice(0, 32) }
}

/** The derived bytes, or null where they are not kept (or were cut short). */
export async function readDerived(key: DerivedKey, bytes: number): Promise<Uint8Array<ArrayBuffer> | null> {
  return quietly('read', async (folder) => {
    const file = (await folder.getFileHandle(fileName(key)).catch(() => null)) as SyncFile | null
    const access = await file?.createSyncAccessHandle()
    if (!access) return null
    try {
      if (access.getSize() !== bytes + trailer.length) return null
      const end = new Uint8Array(trailer.length)
      access.read(end, { at: bytes })
      if (end.some((value, index) => value !== trailer[index])) return null
      const data = allocate(bytes)
      return access.read(data, { at: 0 }) === bytes ? data : null
    } finally {
      access.close()
    }
  })
}

/** Keeps derived bytes and removes older versions of the same family. Resolves to whether they are kept. */
export async function writeDerived(key: DerivedKey, data: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const kept = await quietly('write', async (folder) => {
    for await (const name of folder.keys()) {
      if (name.startsWith(`${key.family}=`) && name !== fileName(key)) await folder.removeEntry(name)
    }
    const file = (await folder.getFileHandle(fileName(key), { create: true })) as SyncFile
    try {
      const access = await file.createSyncAccessHandle()
      try {
        access.truncate(0)
        const written = access.write(data, { at: 0 }) + access.write(trailer, { at: data.length })
        access.flush()
        if (written !== data.length + trailer.length) throw new DOMException('short write', 'QuotaExceededError')
      } finally {
        access.close()
      }
    } catch (thrown) {
      await folder.removeEntry(fileName(key))
      throw thrown
    }
    return true
  })
  return kept ?? false
}

const fileName = ({ family, hash }: DerivedKey) => `${family}=${hash}`

async function quietly<T>(
  what: string,
  work: (folder: FileSystemDirectoryHandle) => Promise<T | null>,
): Promise<T | null> {
  if (!('createSyncAccessHandle' in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return null
  try {
    const root = await navigator.storage.getDirectory()
    return await work(await root.getDirectoryHandle(folderName, { create: true }))
  } catch (thrown) {
    console.warn(`derived weights: cannot ${what} the cache, going on without it`, thrown)
    return null
  }
}
