/**
 * What was derived, kept between visits: one file a derivation in the origin-private file system. Whatever goes wrong
 * here (private window, quota) costs a derivation, never the load.
 */
import { jsonHash } from '../cache/hash'
import { hasPrivateFiles, privateFolder, writeFile } from '../cache/private-files'
import { keptFolders } from '../protocol'
import type { BaseManifest, GraphFlavour, PackManifest } from './schema'
import { roundsActivations } from './smoothing'

export type DerivedKey = {
  /** Shared by all versions of the same thing: a new version replaces the old. */
  readonly family: string
  /** Hash over everything that the derived bytes depend on. */
  readonly hash: string
}

/** Closes every complete file; a write that was cut short lacks it. */
const trailer = new TextEncoder().encode('valley-derived-1')

/** The key of what `flavour` derives to from this base, adapter, smoothing and version of the derivation. */
export async function derivedKey(
  base: BaseManifest,
  pack: PackManifest,
  flavour: GraphFlavour,
  version: number,
): Promise<DerivedKey> {
  const weights = base.files.weights.map((file) => file.sha256)
  const graph = base.graphs[flavour]
  const smoothing = graph && roundsActivations(graph) ? pack.smoothing : undefined
  const parts = [version, weights, base.tensors, graph?.tensors, pack.adapter, ...(smoothing ? [smoothing] : [])]
  const hash = await jsonHash(parts)
  const family = [base.id, pack.adapter || smoothing ? pack.id : 'plain', flavour]
    .join('+')
    .replaceAll(/[^\w+.-]/g, '_')
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
    await writeFile(folder, fileName(key), [...parts, trailer])
    return true
  })
  return kept ?? false
}

const fileName = ({ family, hash }: DerivedKey) => `${family}=${hash}`

async function quietly<T>(
  what: string,
  work: (folder: FileSystemDirectoryHandle) => Promise<T | null>,
): Promise<T | null> {
  if (!hasPrivateFiles()) return null
  try {
    return await work(await privateFolder(keptFolders.derived))
  } catch (thrown) {
    console.warn(`derived weights: cannot ${what} the cache, going on without it`, thrown)
    return null
  }
}
