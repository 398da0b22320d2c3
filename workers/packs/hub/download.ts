/**
 * A repository of the hub: looked at without fetching anything large, then fetched, checked against what the hub states
 * (LFS object ids; git's blob ids for small files) and kept where every pack's files are.
 */
import { sha256 } from '../../cache/hash'
import { freeBytes, noRoom } from '../../cache/room'
import { throwIfAborted, ValleyError } from '../../protocol'
import { presentBytes } from '../pack-files'
import type { FileEntry } from '../schema'
import { type FetchFile, type FileOptions, fileReader, forgetFile, writeCached } from '../source'
import { fileUrl, type HubFile, type HubListing, listRepository, requestHub } from './api'
import { configFiles, type HubConfigs, type HubModel, parseJson, recognise } from './config'
import { type HubManifest, hubManifests, readHubManifest, removeHubManifest, writeHubManifest } from './manifest'
import {
  chooseFiles,
  type HubChoice,
  type HubDevice,
  hubParts,
  hubPrecisions,
  type PublishedParts,
  partPath,
  weightsBeside,
} from './precision'
import { type HubPooling, visualShape } from './tokens'

/** A repository as far as it is known before anything large is fetched. */
export type HubInspection = {
  readonly listing: HubListing
  readonly model: HubModel
  readonly choice: HubChoice
  /** Everything that this device needs of it. */
  readonly files: readonly HubFile[]
  readonly bytes: number
}

const needed = ['config.json', 'preprocessor_config.json', 'tokenizer.json', 'tokenizer_config.json'] as const
/** Fetched where the repository has them. */
const welcome = ['processor_config.json', 'generation_config.json', 'chat_template.jinja', 'chat_template.json']

/**
 * Reads a repository's listing and configuration, recognises it and picks the files for this device.
 * @param origin  of the hub or a mirror
 * @param revision  a commit, or a branch that is resolved to one
 * Errors: as listRepository and requestHub; hub-family, hub-config, hub-layout {repository, missing}, hub-too-big
 */
export async function inspectRepository(
  origin: string,
  repository: string,
  revision: string,
  device: HubDevice,
  signal?: AbortSignal,
): Promise<HubInspection> {
  const listing = await listRepository(origin, repository, revision, signal)
  const byPath = new Map(listing.files.map((file) => [file.path, file]))
  const published = publishedParts(listing.files)
  const graphless = hubParts.filter((part) => !published[part]).map((part) => partPath(part, 'f32'))
  const missing = [...needed.filter((path) => !byPath.has(path)), ...graphless]
  if (missing.length > 0) throw new ValleyError('hub-layout', { repository, missing })
  const configs: Record<string, unknown> = {}
  for (const path of configFiles) {
    const file = byPath.get(path)
    if (file) configs[path] = parseJson(repository, path, await fetchSmall(origin, listing, file, signal))
  }
  const model = recognise(repository, configs as HubConfigs)
  const choice = chooseFiles(repository, device, published, model)
  const graphs = hubParts.flatMap((part) => withWeights(partPath(part, choice.files[part].precision), listing.files))
  const small = [...needed, ...welcome].flatMap((path) => byPath.get(path) ?? [])
  const files = [...small, ...graphs]
  return { listing, model, choice, files, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** The parts' sizes by precision, as far as the listing has them. */
export function publishedParts(files: readonly HubFile[]): PublishedParts {
  const sizes = hubParts.map((part) => {
    const found = hubPrecisions.flatMap((precision) => {
      const all = withWeights(partPath(part, precision), files)
      return all.length > 0 ? [[precision, all.reduce((sum, { bytes }) => sum + bytes, 0)] as const] : []
    })
    return [part, found.length > 0 ? Object.fromEntries(found) : undefined] as const
  })
  return Object.fromEntries(sizes.filter(([, found]) => found))
}

/** A graph and the files of its external weights; [] where there is no such graph. */
function withWeights(path: string, files: readonly HubFile[]): HubFile[] {
  const graph = files.find((file) => file.path === path)
  const beside = weightsBeside(path)
  return graph ? [graph, ...files.filter((file) => beside.test(file.path))] : []
}

/** What a pack is called, and how its clips are pooled where nobody says otherwise. */
export type HubTerms = { readonly name: string; readonly pooling: HubPooling }

/**
 * Fetches what an inspection chose. Aborting is a pause: what came stays, and a later call, in another visit too, goes on
 * with the same commit.
 * Errors: quota {needed, free}, hub-integrity {repository, path}, as requestHub, aborted
 */
export async function downloadRepository(
  origin: string,
  { listing, model, choice, files, bytes: total }: HubInspection,
  { name, pooling }: HubTerms,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<HubManifest> {
  const { repository, commit, licence, languages } = listing
  const entries: FileEntry[] = []
  for (const file of files) {
    throwIfAborted(signal)
    if (file.sha256 !== null) entries.push({ path: file.path, bytes: file.bytes, sha256: file.sha256 })
    else {
      const bytes = await fetchSmall(origin, listing, file, signal)
      const entry = { path: file.path, bytes: bytes.length, sha256: await sha256(bytes) }
      if (!(await writeCached(entry, bytes))) throw await noRoom(total)
      entries.push(entry)
    }
  }
  const precisions = Object.fromEntries(hubParts.map((part) => [part, choice.files[part].precision]))
  const manifest: HubManifest = {
    formatVersion: 1,
    repository,
    name,
    commit,
    licence,
    languages: [...languages],
    backend: choice.backend,
    precisions: precisions as HubManifest['precisions'],
    pooling,
    visual: visualShape(model, choice.files.decoder_model_merged.precision),
    files: entries,
  }
  const earlier = await readHubManifest(repository)
  await writeHubManifest(manifest).catch(async (thrown: unknown) => {
    throw await noRoom(total, thrown)
  })
  if (earlier) await forgetUnused(earlier.files)
  await resumeRepository(origin, manifest, onProgress, signal)
  return manifest
}

/** Fetches what is still missing of a manifest's files. Errors: as downloadRepository */
export async function resumeRepository(
  origin: string,
  { repository, commit, files }: HubManifest,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const present = await presentBytes()
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  await requireRoom(total - files.reduce((sum, entry) => sum + present(entry), 0))
  const fetchFile: FetchFile = (url, init) => requestHub(url, repository, init)
  const read = fileReader(fileUrl(origin, repository, commit, 'manifest'), { fetchFile, mustKeep: true })
  let before = 0
  for (const entry of files) {
    throwIfAborted(signal)
    const options: FileOptions = { signal, onProgress: (done) => onProgress(before + done, total) }
    if (present(entry) < entry.bytes) await read(entry, options).catch((thrown) => Promise.reject(integrity(thrown)))
    before += entry.bytes
    onProgress(before, total)
  }

  function integrity(thrown: unknown): unknown {
    if (!(thrown instanceof ValleyError) || thrown.code !== 'integrity') return thrown
    return new ValleyError('hub-integrity', { repository, path: String(thrown.data.url) }, { cause: thrown })
  }
}

/** Deletes a repository's files, in whole or in part, unless another's need them. */
export async function removeRepository(repository: string): Promise<void> {
  const manifest = await readHubManifest(repository)
  await removeHubManifest(repository)
  if (manifest) await forgetUnused(manifest.files)
}

async function forgetUnused(files: readonly FileEntry[]): Promise<void> {
  const used = new Set((await hubManifests()).flatMap((manifest) => manifest.files.map((file) => file.sha256)))
  for (const entry of files) if (!used.has(entry.sha256)) await forgetFile(entry)
}

/** Errors: quota {needed, free} */
async function requireRoom(bytes: number): Promise<void> {
  const free = await freeBytes()
  if (free !== null && bytes > free) throw new ValleyError('quota', { needed: bytes, free })
}

/** A file whose bytes stand in git itself, or a small one of LFS. Errors: as requestHub, hub-integrity */
async function fetchSmall(
  origin: string,
  { repository, commit }: HubListing,
  file: HubFile,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const { path } = file
  const response = await requestHub(fileUrl(origin, repository, commit, path), repository, { signal: signal ?? null })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const right = file.sha256 === null ? (await gitBlob(bytes)) === file.blob : (await sha256(bytes)) === file.sha256
  if (!right) throw new ValleyError('hub-integrity', { repository, path })
  return bytes
}

/** Git's name for these bytes: SHA-1 over a header and them. */
export async function gitBlob(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const parts = new Blob([`blob ${bytes.length}\0`, bytes])
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-1', await parts.arrayBuffer()))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
