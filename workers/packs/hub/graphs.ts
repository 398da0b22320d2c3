/** A repository's graphs out of what is kept of it here; nothing is asked of a network. */
import { type LoadProgress, ValleyError } from '../../protocol'
import { keptFile } from '../source'
import type { HubManifest } from './manifest'
import { type HubPart, partPath, weightsBeside } from './precision'

/** A graph, and the weights that lie beside it by the names that it calls them. */
export type HubGraph = {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly beside: readonly { readonly path: string; readonly data: Uint8Array<ArrayBuffer> }[]
}

/** Reads a repository's files by their paths. Errors: as readHubFile */
export type ReadHub = (path: string) => Promise<Uint8Array<ArrayBuffer>>

/** A part's graph, and where its weights lie apart from it, those. Errors: as readHubFile */
export async function readGraph(manifest: HubManifest, part: HubPart, read: ReadHub): Promise<HubGraph> {
  const [path = '', ...names] = graphPaths(manifest, part)
  const weights = names.map(async (name) => ({ path: name.split('/').at(-1) ?? name, data: await read(name) }))
  const [bytes, ...beside] = await Promise.all([read(path), ...weights])
  return { bytes, beside }
}

/** The paths of a part's graph and of the weights beside it. */
export function graphPaths(manifest: HubManifest, part: HubPart): string[] {
  const path = partPath(part, manifest.precisions[part])
  const beside = weightsBeside(path)
  return [path, ...manifest.files.filter((file) => beside.test(file.path)).map((file) => file.path)]
}

/** Reads `paths` of a repository, and tells how many of their bytes are there. */
export function countedReader(
  manifest: HubManifest,
  paths: readonly string[],
  report: (progress: LoadProgress) => void,
): ReadHub {
  const sizes = new Map(manifest.files.map(({ path, bytes }) => [path, bytes]))
  const total = paths.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0)
  let done = 0
  return async (path) => {
    const bytes = await readHubFile(manifest, path)
    done += bytes.length
    report({ stage: 'download', done, total })
    return bytes
  }
}

/**
 * A file of a repository by its path. Errors: download-failed {url, status 404} where the browser has let go of it: it must
 * be fetched again.
 */
export async function readHubFile(manifest: HubManifest, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const entry = manifest.files.find((file) => file.path === path)
  const bytes = entry && (await keptFile(entry))
  if (bytes) return bytes
  throw new ValleyError('download-failed', { url: `${manifest.repository}/${path}`, status: 404 })
}
