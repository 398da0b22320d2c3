/**
 * What was derived, kept between visits: one file a derivation in the origin-private file system. Written through a
 * synchronous handle and read as a Blob, the fastest way for each (135 MB on two busy cores: 2.5 s and 0.6 s; Cache
 * Storage 4 s and 0.8 s). Whatever goes wrong here (private window, quota) costs a derivation, never the load.
 */
import type { BaseManifest, GraphFlavour, PackManifest } from './schema'
import { sha256 } from './source'

export type DerivedKey = {
  /** Shared by all versions of the same thing: a new version replaces the old. */
  readonly family: string
  /** Hash over everything that the derived bytes depend on. */
  readonly hash: string
}

/** Workers only, hence absent from the page's types, under which tests compile this file. */
type SyncAccess = {
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

/** The kept parts of the given sizes (bytes), or null where they are not kept (or a write was cut short). */
export async function readDerived(
  key: DerivedKey,
  sizes: readonly number[],
): Promise<Uint8Array<ArrayBuffer>[] | null> {
  return quietly('read', async (folder) => {
    const handle = await folder.getFileHandle(fileName(key)).catch(() => null)
    const file = await handle?.getFile()
    const ends = sizes.map((_, index) => sizes.slice(0, index + 1).reduce((sum, size) => sum + size, 0))
    const length = ends.at(-1) ?? 0
    if (file?.size !== length + trailer.length) return null
    const end = new Uint8Array(await file.slice(length).arrayBuffer())
    if (end.some((value, index) => value !== trailer[index])) return null
    const parts = ends.map((end, index) => file.slice(end - (sizes[index] ?? 0), end).arrayBuffer())
    return (await Promise.all(parts)).map((part) => new Uint8Array(part))
  })
}

/** Keeps parts one after the other and removes older versions of the same family. Resolves to whether they are kept. */
export async function writeDerived(key: DerivedKey, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<boolean> {
  const kept = await quietly('write', async (folder) => {
    for await (const name of folder.keys()) {
      if (name.startsWith(`${key.family}=`) && name !== fileName(key)) await folder.removeEntry(name)
    }
    const file = (await folder.getFileHandle(fileName(key), { create: true })) as SyncFile
    try {
      const access = await file.createSyncAccessHandle()
      try {
        access.truncate(0)
        let at = 0
        for (const part of [...parts, trailer]) {
          if (access.write(part, { at }) !== part.length) throw new DOMException('short write', 'QuotaExceededError')
          at += part.length
        }
        access.flush()
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
