/** Where the files of packs are kept whole: Cache Storage, each under its SHA-256. */
import { unlessSilent } from '../cache/unless-silent'
import { packFilesCache } from '../protocol'

/** Set from when the cache did not answer to when it does: not every file waits for it. */
let silent = false

/** null: this browser has none here (Firefox's private windows), or it does not answer; then nothing is kept. */
export async function openPackCache(): Promise<Cache | null> {
  if (silent || !('caches' in globalThis)) return null
  const opening = caches.open(packFilesCache).catch(() => null)
  const cache = await unlessSilent(opening, 'silent' as const)
  if (cache !== 'silent') return cache
  silent = true
  void opening.then(() => {
    silent = false
  })
  return null
}
