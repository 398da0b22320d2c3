/** Which files a pack is made of, and how much of each is here. */
import { unlessSilent } from '../cache/unless-silent'
import { keptFolders } from '../protocol'
import { openPackCache } from './pack-cache'
import type { BaseManifest, FileEntry, GraphFlavour, PackManifest } from './schema'

/** The pack's own files, those of its text tower included. */
export function packFiles({
  tower,
  projector,
  adapter,
  smoothing,
  textTower,
  captionStore,
}: PackManifest): FileEntry[] {
  return [
    tower.file,
    projector.file,
    ...(adapter ? [adapter.file] : []),
    ...(smoothing ? [smoothing.file] : []),
    ...(captionStore ? [captionStore.texts, captionStore.vectors] : []),
    ...(textTower ? [textTower.file, textTower.tokenizer, textTower.tokenizerConfig] : []),
  ]
}

/** The base's files; of its graphs only those of `flavours`. */
export function baseFiles({ files, graphs }: BaseManifest, flavours: readonly GraphFlavour[]): FileEntry[] {
  const chosen = flavours.flatMap((flavour) => graphs[flavour]?.file ?? [])
  return [...files.weights, files.tokenizer, files.tokenizerConfig, ...chosen]
}

/**
 * How many bytes of each file are here, by SHA-256: whole in Cache Storage, or a part of a download. A part as long as the
 * whole was never found right (a tab was closed before, or there was no room to keep it) and is fetched anew (PartialFile).
 */
export async function presentBytes(): Promise<(entry: FileEntry) => number> {
  const cache = await openPackCache()
  const kept = cache && (await unlessSilent(cache.keys(), null))
  const whole = new Set(kept?.map(({ url }) => url.split('/').at(-1)))
  const parts = new Map<string, number>()
  try {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle(keptFolders.partial)
    for await (const handle of folder.values()) {
      if (handle.kind === 'file') parts.set(handle.name, (await (handle as FileSystemFileHandle).getFile()).size)
    }
  } catch {
    // No folder: no parts.
  }
  return ({ sha256, bytes }) => {
    const part = parts.get(sha256) ?? 0
    return whole.has(sha256) ? bytes : part < bytes ? part : 0
  }
}
