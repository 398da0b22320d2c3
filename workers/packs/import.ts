/** A pack that a person has as a folder: checked as strictly as one that was fetched, then copied here. */
import { sha256 } from '../cache/hash'
import { writeFile } from '../cache/private-files'
import { noRoom } from '../cache/room'
import { keptFolders, throwIfAborted, toValleyError, ValleyError } from '../protocol'
import type { FolderFile } from './api'
import { baseFiles, packFiles } from './pack-files'
import { baseSchema, type FileEntry, packSchema } from './schema'
import { storedUrl } from './stored-pack'

/** Written last: a folder without it is an import that was cut short. */
const marker = 'imported.json'

type Plan = { readonly path: string; readonly entry: FileEntry }

/** See PacksApi.importFolder. */
export async function importFolder(
  files: readonly FolderFile[],
  basesUrl: string,
  onProgress: (done: number, total: number) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const byPath = new Map(files.map(({ path, file }) => [path, file]))
  const packs = [...byPath.keys()].filter((path) => path.split('/').at(-1) === 'pack.json').sort()
  if (packs.length === 0) throw new ValleyError('pack-invalid', { path: 'pack.json', problems: ['not in the folder'] })
  const plans = await Promise.all(packs.map((path) => planImport(path, byPath, basesUrl)))
  const total = plans.flatMap(({ entries }) => entries).reduce((sum, { entry }) => sum + entry.bytes, 0)
  let done = 0
  const urls: string[] = []
  for (const plan of plans) {
    const copied = (bytes: number) => {
      done += bytes
      onProgress(done, total)
    }
    urls.push(await copyPack(plan, byPath, copied, signal))
  }
  return urls
}

type PackPlan = { readonly packPath: string; readonly manifests: readonly string[]; readonly entries: readonly Plan[] }

async function planImport(packPath: string, files: ReadonlyMap<string, Blob>, basesUrl: string): Promise<PackPlan> {
  const pack = await readJson(packPath, files, packSchema)
  const basePath = resolvePath(packPath, pack.base)
  const entries = packFiles(pack).map((entry) => ({ path: resolvePath(packPath, entry.path), entry }))
  if (!files.has(basePath)) {
    const url = new URL(basePath.split('/').slice(-2).join('/'), basesUrl).href
    const found = await fetch(url).catch(() => null)
    const known = found?.ok && baseSchema.safeParse(await found.json().catch(() => null)).success
    const problem = `its base ${pack.base} is neither in the folder nor here`
    if (!known) throw new ValleyError('pack-invalid', { path: packPath, problems: [problem] })
    return { packPath, manifests: [packPath], entries: requireAll(entries, files) }
  }
  const base = await readJson(basePath, files, baseSchema)
  const flavours = Object.keys(base.graphs) as (keyof typeof base.graphs)[]
  // A folder need not hold the graphs of devices other than this one's.
  const graphs = flavours.filter((flavour) => files.has(resolvePath(basePath, base.graphs[flavour]?.file.path ?? '')))
  const own = baseFiles(base, graphs).map((entry) => ({ path: resolvePath(basePath, entry.path), entry }))
  return { packPath, manifests: [packPath, basePath], entries: requireAll([...entries, ...own], files) }
}

/** The path that `relative` names, seen from the manifest at `from`. */
const resolvePath = (from: string, relative: string) =>
  decodeURIComponent(new URL(relative, `opfs:/${asAddress(from)}`).pathname.slice(1))

/** A path as a part of an address: folders may be named with signs that mean something there. */
const asAddress = (path: string) => path.split('/').map(encodeURIComponent).join('/')

function requireAll(entries: readonly Plan[], files: ReadonlyMap<string, Blob>): readonly Plan[] {
  for (const { path, entry } of entries) {
    const size = files.get(path)?.size
    if (size === entry.bytes) continue
    const problem = size === undefined ? 'is missing' : `has ${size} bytes, not ${entry.bytes}`
    throw new ValleyError('pack-invalid', { path, problems: [problem] })
  }
  return entries
}

type Schema<T> = { safeParse(json: unknown): { success: true; data: T } | { success: false; error: SchemaError } }
type SchemaError = { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] }

async function readJson<T>(path: string, files: ReadonlyMap<string, Blob>, schema: Schema<T>): Promise<T> {
  let json: unknown
  try {
    json = JSON.parse((await files.get(path)?.text()) ?? '')
  } catch (thrown) {
    throw new ValleyError('pack-invalid', { path, problems: ['not JSON'] }, { cause: thrown })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  throw new ValleyError('pack-invalid', { path, problems })
}

async function copyPack(
  { packPath, manifests, entries }: PackPlan,
  files: ReadonlyMap<string, Blob>,
  copied: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const read = async (path: string) => new Uint8Array((await files.get(path)?.arrayBuffer()) ?? new ArrayBuffer(0))
  const id = (await sha256(await read(packPath))).slice(0, 16)
  const packs = await packsFolder()
  const copy = async () => {
    const root = await packs.getDirectoryHandle(id, { create: true })
    // Imported once more, it is the same to the byte: what is there need not go where that is stopped.
    const before = await root.getFileHandle(marker).catch(() => null)
    try {
      for (const { path, entry } of entries) {
        throwIfAborted(signal)
        const bytes = await read(path)
        if ((await sha256(bytes)) !== entry.sha256) {
          throw new ValleyError('pack-invalid', { path, problems: ['its bytes are not those that the pack promises'] })
        }
        await writeNested(root, path, bytes)
        copied(bytes.length)
      }
      for (const path of manifests) await writeNested(root, path, await read(path))
      await writeFile(root, marker, [new TextEncoder().encode(JSON.stringify({ pack: packPath }))])
    } catch (thrown) {
      if (!before) await packs.removeEntry(id, { recursive: true }).catch(() => {})
      const full = thrown instanceof DOMException && thrown.name === 'QuotaExceededError'
      const needed = entries.reduce((sum, { entry }) => sum + entry.bytes, 0)
      throw full ? await noRoom(needed, thrown) : toValleyError(thrown)
    }
  }
  await (navigator.locks ? navigator.locks.request(importLock(id), copy) : copy())
  return storedUrl(`${id}/${asAddress(packPath)}`)
}

/** The Web Lock that a pack's import holds: its folder has no marker yet, and is not what was cut short. */
export const importLock = (id: string) => `valley-import-${id}`

/** Clears away what an import left that was cut short, unless it is at work at this moment, here or in another tab. */
async function clearAway(packs: FileSystemDirectoryHandle, id: string): Promise<void> {
  const remove = () => packs.removeEntry(id, { recursive: true })
  if (!navigator.locks) return remove()
  await navigator.locks.request(importLock(id), { ifAvailable: true }, (lock) => lock && remove())
}

async function writeNested(root: FileSystemDirectoryHandle, path: string, bytes: Uint8Array<ArrayBuffer>) {
  const folders = path.split('/')
  const name = folders.pop() ?? path
  let folder = root
  for (const part of folders) folder = await folder.getDirectoryHandle(part, { create: true })
  await writeFile(folder, name, [bytes])
}

const packsFolder = async () =>
  (await navigator.storage.getDirectory()).getDirectoryHandle(keptFolders.packs, { create: true })

/** URLs of the packs that were imported; what an import left that was cut short is cleared away. */
export async function importedPacks(): Promise<string[]> {
  const urls: string[] = []
  try {
    const packs = await packsFolder()
    for await (const [id, handle] of packs.entries()) {
      if (handle.kind !== 'directory') continue
      const folder = handle as FileSystemDirectoryHandle
      const file = await folder.getFileHandle(marker).catch(() => null)
      if (file) {
        const { pack } = JSON.parse(await (await file.getFile()).text()) as { pack: string }
        urls.push(storedUrl(`${id}/${asAddress(pack)}`))
      } else await clearAway(packs, id)
    }
  } catch (thrown) {
    console.warn('no imported packs can be read', thrown)
  }
  return urls
}

export async function removeImported(packUrl: string): Promise<void> {
  const [, , id] = new URL(packUrl).pathname.split('/')
  if (id) await (await packsFolder()).removeEntry(id, { recursive: true })
}
