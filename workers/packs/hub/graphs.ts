/** A repository's graphs out of what is kept of it here; nothing is asked of a network. */
import { ValleyError } from '../../protocol'
import { keptFile } from '../source'
import type { HubManifest } from './manifest'
import { type HubPart, partPath, weightsBeside } from './precision'

/** A graph, and the weights that lie beside it by the names that it calls them. */
export type HubGraph = {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly beside: readonly { readonly path: string; readonly data: Uint8Array<ArrayBuffer> }[]
}

/** Errors: download-failed {url, status 404} where the browser has let go of a file: it must be fetched again. */
export async function readGraph(manifest: HubManifest, part: HubPart): Promise<HubGraph> {
  const path = partPath(part, manifest.precisions[part])
  const beside = weightsBeside(path)
  const names = manifest.files.filter((file) => beside.test(file.path)).map((file) => file.path)
  const weights = await Promise.all(
    names.map(async (name) => ({ path: name.split('/').at(-1) ?? name, data: await readHubFile(manifest, name) })),
  )
  return { bytes: await readHubFile(manifest, path), beside: weights }
}

/** A file of a repository by its path. Errors: as readGraph */
export async function readHubFile(manifest: HubManifest, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const entry = manifest.files.find((file) => file.path === path)
  const bytes = entry && (await keptFile(entry))
  if (bytes) return bytes
  throw new ValleyError('download-failed', { url: `${manifest.repository}/${path}`, status: 404 })
}
