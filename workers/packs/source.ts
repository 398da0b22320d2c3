/**
 * Where a pack's bytes come from: manifests fetched and validated, files streamed with progress, taken up again where a
 * connection broke, checked against their SHA-256 and kept in Cache Storage under that hash. Without Cache Storage (private windows) or quota it goes on uncached.
 */
import type { ZodType } from 'zod'
import { sha256 } from '../cache/hash'
import { noRoom } from '../cache/room'
import { unlessSilent } from '../cache/unless-silent'
import { throwIfAborted, toValleyError, ValleyError } from '../protocol'
import { openPackCache } from './pack-cache'
import { PartialFile } from './partial-file'
import { type BaseManifest, baseSchema, type FileEntry, type PackManifest, packSchema } from './schema'
import { isStored, storedFile } from './stored-pack'

export type FileOptions = {
  /** Bytes so far and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A manifest's file, verified. Errors: download-failed {url, status} (status 0: no answer), integrity {url},
 * out-of-memory, aborted.
 */
export type ReadFile = (entry: FileEntry, options?: FileOptions) => Promise<Uint8Array<ArrayBuffer>>

/** `fetch` with errors of the closed set; `init` has the signal and maybe a Range. */
export type FetchFile = (url: string, init: RequestInit) => Promise<Response>

export type ReaderOptions = {
  /** How a file is asked for; by `fetch` and `download-failed` where absent. */
  readonly fetchFile?: FetchFile
  /** A file that cannot be kept is an error (quota {needed}), not a download at each visit. */
  readonly mustKeep?: boolean
}

export type PackSource = {
  readonly manifest: PackManifest
  readonly packUrl: string
  /** SHA-256 of pack.json, which holds the hashes of all the pack's files. */
  readonly hash: string
  readonly file: ReadFile
}
export type BaseSource = { readonly manifest: BaseManifest; readonly baseUrl: string; readonly file: ReadFile }

/** Fetches and validates pack.json at the absolute URL `packUrl`. Errors: download-failed, pack-invalid {path, problems}. */
export async function openPack(packUrl: string, signal?: AbortSignal): Promise<PackSource> {
  const { manifest, hash } = await readManifest(packUrl, packSchema, signal)
  return { manifest, packUrl, hash, file: fileReader(packUrl) }
}

/**
 * Fetches and validates the base.json that a pack names. Errors as openPack.
 * @param basesUrl  where an imported pack that came without its base finds it, in a folder of the same name
 */
export async function openBase(pack: PackSource, basesUrl?: string, signal?: AbortSignal): Promise<BaseSource> {
  const named = new URL(pack.manifest.base, pack.packUrl).href
  const missing = basesUrl !== undefined && isStored(named) && !(await storedFile(named))
  const baseUrl = missing ? new URL(named.split('/').slice(-2).join('/'), basesUrl).href : named
  const { manifest } = await readManifest(baseUrl, baseSchema, signal)
  return { manifest, baseUrl, file: fileReader(baseUrl) }
}

async function readManifest<T>(
  url: string,
  schema: ZodType<T>,
  signal: AbortSignal | undefined,
): Promise<{ readonly manifest: T; readonly hash: string }> {
  const path = new URL(url).pathname
  const response = await request(url, signal)
  let json: unknown
  let bytes: Uint8Array<ArrayBuffer>
  try {
    bytes = new Uint8Array(await response.arrayBuffer())
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch (thrown) {
    throwIfAborted(signal)
    throw new ValleyError('pack-invalid', { path, problems: ['not JSON'] }, { cause: thrown })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return { manifest: parsed.data, hash: await sha256(bytes) }
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ValleyError('pack-invalid', { path, problems })
}

/** Reads the files that a manifest at `manifestUrl` lists: from where they are kept, else fetched, checked and kept. */
export function fileReader(
  manifestUrl: string,
  { fetchFile = fetchPlainly, mustKeep = false }: ReaderOptions = {},
): ReadFile {
  return async (entry, { onProgress, signal } = {}) => {
    const url = new URL(entry.path, manifestUrl).href
    throwIfAborted(signal)
    if (isStored(url)) return readStored(url, entry, onProgress)
    const cached = await keptFile(entry)
    if (cached) {
      onProgress?.(entry.bytes, entry.bytes)
      return cached
    }
    const part = await PartialFile.open(entry)
    try {
      const began = part?.done ?? 0
      let bytes = await download(fetchFile, url, entry, part, onProgress, signal)
      let whole = (await sha256(bytes)) === entry.sha256
      if (!whole && began > 0) {
        // The part from an earlier visit may be what is wrong.
        part?.clear()
        bytes = await download(fetchFile, url, entry, part, onProgress, signal)
        whole = (await sha256(bytes)) === entry.sha256
      }
      if (!whole) throw new ValleyError('integrity', { url })
      throwIfAborted(signal)
      const kept = await writeCached(entry, bytes)
      if (mustKeep && !kept) throw await noRoom(entry.bytes)
      await part?.remove()
      return bytes
    } catch (thrown) {
      if (thrown instanceof ValleyError && thrown.code === 'integrity') await part?.remove()
      throw thrown
    } finally {
      part?.close()
    }
  }
}

/** A file of an imported pack: it lies here already, so it is not kept a second time. */
async function readStored(
  url: string,
  entry: FileEntry,
  onProgress: FileOptions['onProgress'],
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await storedFile(url)
  if (!file) throw new ValleyError('download-failed', { url, status: 404 })
  const bytes = new Uint8Array(await file.arrayBuffer())
  if ((await sha256(bytes)) !== entry.sha256) throw new ValleyError('integrity', { url })
  onProgress?.(entry.bytes, entry.bytes)
  return bytes
}

async function request(url: string, signal: AbortSignal | undefined): Promise<Response> {
  if (!isStored(url)) return fetchPlainly(url, { signal: signal ?? null })
  const file = await storedFile(url)
  if (!file) throw new ValleyError('download-failed', { url, status: 404 })
  return new Response(file)
}

async function fetchPlainly(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch((thrown) => {
    throw toValleyError(thrown, 'download-failed', { url, status: 0 })
  })
  if (!response.ok) throw new ValleyError('download-failed', { url, status: response.status })
  return response
}

/** What follows `from` of the file at `url`, and where it begins: a server that knows no ranges sends all of it. */
async function requestRest(fetchFile: FetchFile, url: string, from: number, signal: AbortSignal | undefined) {
  const whole: RequestInit = { signal: signal ?? null }
  const init = from > 0 ? { ...whole, headers: { Range: `bytes=${from}-` } } : whole
  // 416: the file there is shorter than what is here, which then cannot be of it.
  const response = await fetchFile(url, init).catch((thrown: unknown) => {
    const beyond = from > 0 && thrown instanceof ValleyError && thrown.data.status === 416
    if (!beyond) throw thrown
    return fetchFile(url, whole)
  })
  return { response, from: response.status === 206 ? from : 0 }
}

/** Times that a connection lost in the middle of a file is taken up again. */
const resumes = 3

async function download(
  fetchFile: FetchFile,
  url: string,
  entry: FileEntry,
  part: PartialFile | null,
  onProgress: FileOptions['onProgress'],
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = allocate(entry.bytes)
  let done = part?.done ?? 0
  part?.readInto(bytes)
  for (let attempt = 0; ; attempt++) {
    const { response, from } = await requestRest(fetchFile, url, done, signal)
    if (from < done) part?.clear()
    done = from
    try {
      const reader = (response.body ?? new Blob().stream()).getReader()
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        if (done + chunk.value.length > bytes.length) {
          void reader.cancel()
          throw new ValleyError('integrity', { url })
        }
        bytes.set(chunk.value, done)
        part?.append(chunk.value)
        done += chunk.value.length
        onProgress?.(done, entry.bytes)
      }
      if (done !== entry.bytes) throw new ValleyError('integrity', { url })
      return bytes
    } catch (thrown) {
      throwIfAborted(signal)
      const error = toValleyError(thrown, 'download-failed', { url, status: response.status })
      if (error.code !== 'download-failed' || attempt === resumes) throw error
    }
  }
}

/** A byte array of `length`. Errors: out-of-memory. */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length)
  } catch (thrown) {
    throw new ValleyError('out-of-memory', { bytes: length }, { cause: thrown })
  }
}

const cacheKey = (entry: FileEntry) => new URL(`/valley-files/${entry.sha256}`, self.location.origin).href

/** The bytes of a file that is kept here, checked again: one that no longer matches its hash is dropped. null: not here. */
export async function keptFile(entry: FileEntry): Promise<Uint8Array<ArrayBuffer> | null> {
  const cache = await openPackCache()
  try {
    const response = cache && (await unlessSilent(cache.match(cacheKey(entry)), undefined))
    if (!response) return null
    const bytes = new Uint8Array(await response.arrayBuffer())
    if ((await sha256(bytes)) === entry.sha256) return bytes
    await cache?.delete(cacheKey(entry))
  } catch (thrown) {
    console.warn('pack cache unreadable, fetching again', thrown)
  }
  return null
}

/** Keeps a file under its SHA-256. Resolves to whether it is kept. */
export async function writeCached(entry: FileEntry, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const cache = await openPackCache()
  try {
    await cache?.put(cacheKey(entry), new Response(bytes, { headers: { 'Content-Length': String(bytes.length) } }))
  } catch (thrown) {
    console.warn('pack cache full, going on without it', thrown)
    return false
  }
  return cache !== null
}

/** Forgets a file that was kept, or a part of it. */
export async function forgetFile(entry: FileEntry): Promise<void> {
  await (await openPackCache())?.delete(cacheKey(entry))
  const part = await PartialFile.open(entry)
  await part?.remove()
}
