/** A repository that this browser holds, as the workers load it: what it is, and what is filed under it. */
import { jsonHash } from '../../cache/hash'
import { type PackIdentity, ValleyError } from '../../protocol'
import { hubAddress } from './address'
import { configFiles, type HubConfigs, type HubModel, parseJson, recognise } from './config'
import { readHubFile } from './graphs'
import { type HubManifest, readHubManifest } from './manifest'

export type HeldHub = { readonly manifest: HubManifest; readonly model: HubModel; readonly identity: PackIdentity }

/**
 * Reads what is kept of a repository; nothing is asked of a network.
 * Errors: download-failed {url, status 404} where it, or a file of it, is not here (any more); hub-family, hub-config
 */
export async function openHeld(repository: string): Promise<HeldHub> {
  const manifest = await readHubManifest(repository)
  if (!manifest) throw new ValleyError('download-failed', { url: hubAddress(repository), status: 404 })
  const configs: Record<string, unknown> = {}
  for (const path of configFiles) {
    if (!manifest.files.some((file) => file.path === path)) continue
    configs[path] = parseJson(repository, path, await readHubFile(manifest, path))
  }
  const { name, commit, files } = manifest
  const hash = await jsonHash([repository, commit, files.map(({ sha256 }) => sha256)])
  const identity = { id: hubAddress(repository), name, version: commit.slice(0, 7), hash }
  return { manifest, model: recognise(repository, configs as HubConfigs), identity }
}
