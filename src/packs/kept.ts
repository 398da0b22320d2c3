/** Every byte that this app keeps in the browser, by kind, and the ways to delete them. */
import { hubRepository, keptFolders, packFilesCache } from '../../workers/protocol'
import { ConversationStore, type KeptCopy } from '../storage/conversation-store'
import { databaseName, openDatabase } from '../storage/database'
import { askedKeyStart } from '../storage/question-journal'
import { forgetPack, rememberPack } from './choice'

export const keptKinds = [
  'conversations',
  'copies',
  'clips',
  'packs',
  'imported',
  'weights',
  'shell',
  'settings',
] as const
/**
 * `conversations`: their texts and frames; `copies`: of the clips' files; `clips`: what was made of them; `packs`: their
 * files, whole or in part; `weights`: derived from them, and measurements; `shell`: the app itself, for use without a network.
 */
export type KeptKind = (typeof keptKinds)[number]

export type KeptBytes = {
  readonly kinds: Readonly<Record<KeptKind, number>>
  /** Those in `kinds.copies` one by one, largest first. */
  readonly copies: readonly KeptCopy[]
  /** What the browser counts beyond `kinds`: its own lists, and room not given back yet. */
  readonly rest: number
  /** What the browser grants in all; null where it does not say. */
  readonly quota: number | null
  /** The browser may delete nothing by itself. */
  readonly persisted: boolean
}

const folders: Readonly<Partial<Record<KeptKind, readonly string[]>>> = {
  clips: [keptFolders.clips, keptFolders.prefixes],
  packs: [keptFolders.partial, keptFolders.hub],
  imported: [keptFolders.packs],
  weights: [keptFolders.derived, keptFolders.speeds],
}

type Estimate = StorageEstimate & { readonly usageDetails?: { readonly indexedDB?: number } }

export async function measureKept(): Promise<KeptBytes> {
  const estimate: Estimate = (await navigator.storage?.estimate?.().catch(() => null)) ?? {}
  const sizes = await Promise.all(
    Object.entries(folders).map(async ([kind, names]) => [kind, sum(await Promise.all(names.map(folderBytes)))]),
  )
  const inFolders = Object.fromEntries(sizes) as Partial<Record<KeptKind, number>>
  const caches = await cacheBytes()
  const known = { ...inFolders, packs: (inFolders.packs ?? 0) + caches.packs, shell: caches.shell }
  const kept = await withStore((store) => store.copies()).catch((): KeptCopy[] => [])
  const copies = sum(kept.map(({ bytes }) => bytes))
  // Chromium tells the database's size; elsewhere it is what is left of all.
  const left = (estimate.usage ?? 0) - sum(Object.values(known))
  const database = estimate.usageDetails ? (estimate.usageDetails.indexedDB ?? 0) : left
  const conversations = Math.max(0, database - copies)
  return {
    kinds: { clips: 0, imported: 0, weights: 0, ...known, conversations, copies, settings: settingsBytes() },
    copies: kept,
    rest: Math.max(0, left - conversations - copies),
    quota: estimate.quota ?? null,
    persisted: (await navigator.storage?.persisted?.().catch(() => false)) ?? false,
  }
}

/** Asks the browser to delete nothing by itself; resolves to its answer. */
export const requestPersistence = async (): Promise<boolean> =>
  (await navigator.storage?.persist?.().catch(() => false)) ?? false

/** Whether the page must be opened anew after this was deleted: it still shows what is gone. */
export const needsReload = (kinds: readonly KeptKind[]) =>
  (['conversations', 'imported', 'settings'] as const).some((kind) => kinds.includes(kind))

/** Deletes the copies of these clips. @throws DOMException */
export const deleteCopies = (clipIds: readonly string[]): Promise<void> =>
  withStore((store) => store.removeCopies(clipIds))

/** Deletes all of some kinds. Throws what the browser threw; what was deleted before that stays deleted. */
export async function deleteKept(kinds: readonly KeptKind[]): Promise<void> {
  for (const kind of kinds) {
    for (const name of folders[kind] ?? []) await removeFolder(name)
    if (kind === 'packs') {
      await globalThis.caches?.delete(packFilesCache)
      // The app's own come again by themselves, the hub's do not.
      forgetPack((packUrl) => hubRepository(packUrl) !== null)
    }
    if (kind === 'imported') rememberPack(null)
    if (kind === 'shell') await deleteShell()
    if (kind === 'conversations') {
      await deleteDatabase()
      removeSettings((key) => key.startsWith(askedKeyStart))
    }
    // Else they went with the database.
    if (kind === 'copies' && !kinds.includes('conversations')) {
      await withStore(async (store) => store.removeCopies((await store.copies()).map(({ clipId }) => clipId)))
    }
    if (kind === 'settings') removeSettings(() => true)
  }
}

/** A connection of its own for a moment: the page's stays as it is. @throws DOMException */
async function withStore<T>(work: (store: ConversationStore) => Promise<T>): Promise<T> {
  const store = new ConversationStore(await openDatabase(() => {}))
  try {
    return await work(store)
  } finally {
    store.close()
  }
}

/** What this app keeps outside of databases, caches and files. */
function settings(): { readonly storage: Storage; readonly key: string; readonly value: string }[] {
  try {
    return [localStorage, sessionStorage].flatMap((storage) =>
      Object.entries(storage).flatMap(([key, value]) => (key.startsWith('valley.') ? [{ storage, key, value }] : [])),
    )
  } catch {
    // Blocked: nothing is kept there.
    return []
  }
}

function removeSettings(which: (key: string) => boolean): void {
  for (const { storage, key } of settings()) if (which(key)) storage.removeItem(key)
}

/** A character takes two bytes. */
const settingsBytes = () => sum(settings().map(({ key, value }) => 2 * (key.length + value.length)))

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

async function folderBytes(name: string): Promise<number> {
  const folder = await navigator.storage
    ?.getDirectory()
    .then((root) => root.getDirectoryHandle(name))
    .catch(() => null)
  return folder ? bytesIn(folder) : 0
}

async function bytesIn(folder: FileSystemDirectoryHandle): Promise<number> {
  let total = 0
  for await (const handle of folder.values()) {
    if (handle.kind === 'directory') total += await bytesIn(handle as FileSystemDirectoryHandle)
    // A file that a worker replaces at this moment counts at the next look.
    else total += (await (handle as FileSystemFileHandle).getFile().catch(() => null))?.size ?? 0
  }
  return total
}

async function cacheBytes(): Promise<{ packs: number; shell: number }> {
  const bytes = { packs: 0, shell: 0 }
  if (!('caches' in globalThis)) return bytes
  for (const name of await caches.keys().catch(() => [])) {
    const cache = await caches.open(name)
    for (const request of await cache.keys()) {
      const response = await cache.match(request)
      if (response) bytes[name === packFilesCache ? 'packs' : 'shell'] += await responseBytes(response)
    }
  }
  return bytes
}

/** Its length as the header says, where that is not the length of a compressed transfer. */
async function responseBytes(response: Response): Promise<number> {
  const length = Number(response.headers.get('Content-Length') ?? Number.NaN)
  if (Number.isFinite(length) && !response.headers.has('Content-Encoding')) return length
  return (await response.blob()).size
}

async function removeFolder(name: string): Promise<void> {
  const root = await navigator.storage.getDirectory()
  await root.removeEntry(name, { recursive: true }).catch((thrown: unknown) => {
    if (!(thrown instanceof DOMException && thrown.name === 'NotFoundError')) throw thrown
  })
}

/** The caches, and the service worker that would otherwise serve from them. It installs itself again at the next visit. */
async function deleteShell(): Promise<void> {
  const names = await caches.keys()
  await Promise.all(names.filter((name) => name !== packFilesCache).map((name) => caches.delete(name)))
  const scope = new URL(import.meta.env.BASE_URL, location.href).href
  await (await navigator.serviceWorker?.getRegistration(scope))?.unregister()
}

/** The open connection closes by itself when it hears of this. */
function deleteDatabase(): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(databaseName)
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error)
  })
}
