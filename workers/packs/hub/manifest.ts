/**
 * What this browser holds, or is fetching, of a repository: its commit, what it is, which files, and what each hashes to.
 * Written before the large files come, so that a reload goes on with the same commit and the same files.
 */
import { z } from 'zod'
import { privateFolder, writeFile } from '../../cache/private-files'
import { keptFolders } from '../../protocol'
import { fileEntry } from '../schema'
import { hubManifestName } from './address'
import { hubParts, hubPrecisions } from './precision'
import { hubPoolings } from './tokens'

const count = z.int().positive()
const hubManifest = z.object({
  formatVersion: z.literal(1),
  repository: z.string(),
  /** As people know it. */
  name: z.string(),
  commit: z.string().regex(/^[0-9a-f]{40}$/),
  licence: z.string().nullable(),
  languages: z.array(z.string()),
  backend: z.enum(['webgpu', 'wasm']),
  precisions: z.record(z.enum(hubParts), z.enum(hubPrecisions)),
  /** How clips are pooled where nobody says otherwise. */
  pooling: z.enum(hubPoolings),
  visual: z.object({ pictureTokens: count, ownTokens: count, tokenBytes: count }),
  files: z.array(fileEntry).min(1),
})
export type HubManifest = z.infer<typeof hubManifest>

/** Keeps a manifest in place of the repository's earlier one. Throws a DOMException where the browser keeps no files. */
export async function writeHubManifest(manifest: HubManifest): Promise<void> {
  const bytes = new TextEncoder().encode(JSON.stringify(manifest))
  await writeFile(await privateFolder(keptFolders.hub), hubManifestName(manifest.repository), [bytes])
}

/** The repository's manifest; null where there is none, or none that can be read. */
export async function readHubManifest(repository: string): Promise<HubManifest | null> {
  return (await hubManifests()).find((manifest) => manifest.repository === repository) ?? null
}

/** All manifests that are kept here. */
export async function hubManifests(): Promise<HubManifest[]> {
  const found: HubManifest[] = []
  try {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle(keptFolders.hub)
    for await (const handle of folder.values()) {
      if (handle.kind !== 'file') continue
      const parsed = hubManifest.safeParse(await readJson(handle as FileSystemFileHandle))
      if (parsed.success) found.push(parsed.data)
      else console.warn(`${handle.name} is no description of a pack`, parsed.error)
    }
  } catch {
    // No folder: none.
  }
  return found.sort((a, b) => a.repository.localeCompare(b.repository))
}

async function readJson(handle: FileSystemFileHandle): Promise<unknown> {
  try {
    return JSON.parse(await (await handle.getFile()).text())
  } catch {
    return null
  }
}

export async function removeHubManifest(repository: string): Promise<void> {
  const folder = await privateFolder(keptFolders.hub)
  await folder.removeEntry(hubManifestName(repository)).catch(() => {})
}
