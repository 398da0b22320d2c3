/**
 * Named binary records kept between visits: some JSON and some bytes each, one file a record. A folder has a budget;
 * those unused for longest make room. A record carries its own SHA-256, so one that was cut short or damaged is dropped
 * as if it had never been there. Whatever goes wrong (private window, no quota, full disk, storage evicted) costs the
 * work that the record would have saved, and nothing else.
 */
import { hasPrivateFiles, privateFolder, withAccess, writeAll, writeFile } from './private-files'
import { storageEstimate } from './room'

export type StoredRecord = {
  /** Plain JSON. */
  readonly meta: unknown
  readonly parts: readonly Uint8Array<ArrayBuffer>[]
}

export type RecordStore = {
  /** The record, whose last use is now; null where there is none, or none that is whole. */
  readonly read: (name: string) => Promise<StoredRecord | null>
  /** Whether it is kept. */
  readonly write: (name: string, record: StoredRecord) => Promise<boolean>
  readonly remove: (name: string) => Promise<void>
}

/** A record is `magic`, the time of its last use (float64), the SHA-256 of the rest, and the rest. */
const magic = new TextEncoder().encode('valley-record-1\n')
const usedAt = magic.length
const digestAt = usedAt + 8
const bodyAt = digestAt + 32

const digest = async (bytes: Uint8Array<ArrayBuffer>) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))

/** The file of a record: a head and its body. */
export async function packRecord({ meta, parts }: StoredRecord): Promise<Uint8Array<ArrayBuffer>[]> {
  const index = new TextEncoder().encode(JSON.stringify({ meta, sizes: parts.map(({ length }) => length) }))
  const body = new Uint8Array(4 + index.length + parts.reduce((sum, { length }) => sum + length, 0))
  new DataView(body.buffer).setUint32(0, index.length, true)
  let at = 4
  for (const part of [index, ...parts]) {
    body.set(part, at)
    at += part.length
  }
  const head = new Uint8Array(bodyAt)
  head.set(magic)
  head.set(stampOfNow(), usedAt)
  head.set(await digest(body), digestAt)
  return [head, body]
}

/** The record in a file's bytes; null where they are not what was written. */
export async function unpackRecord(bytes: Uint8Array<ArrayBuffer>): Promise<StoredRecord | null> {
  if (bytes.length < bodyAt + 4 || magic.some((byte, at) => bytes[at] !== byte)) return null
  const body = bytes.subarray(bodyAt)
  if ((await digest(body)).some((byte, at) => bytes[digestAt + at] !== byte)) return null
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0, true)
  const { meta, sizes } = JSON.parse(new TextDecoder().decode(body.subarray(4, 4 + length))) as {
    meta: unknown
    sizes: readonly number[]
  }
  let at = 4 + length
  // Each with a buffer of its own: they are looked at as floats, and handed on.
  const parts = sizes.map((size) => {
    at += size
    return body.slice(at - size, at)
  })
  return { meta, parts }
}

/** The time in ms, little-endian as all of the file. */
function stampOfNow(): Uint8Array<ArrayBuffer> {
  const stamp = new DataView(new ArrayBuffer(8))
  stamp.setFloat64(0, Date.now(), true)
  return new Uint8Array(stamp.buffer)
}

/** Of what the browser grants this origin, the most that one folder takes. */
const quotaShare = 0.1

/** @param folderName  in the origin-private file system; @param budget  bytes of all its records together */
export function recordStore(folderName: string, budget: number): RecordStore {
  const quietly = async <T>(what: string, work: (folder: FileSystemDirectoryHandle) => Promise<T>) => {
    if (!hasPrivateFiles()) return null
    try {
      return await work(await privateFolder(folderName))
    } catch (thrown) {
      console.warn(`${folderName}: cannot ${what}, going on without it`, thrown)
      return null
    }
  }
  return {
    read: (name) =>
      quietly('read', async (folder) => {
        const handle = await folder.getFileHandle(name).catch(() => null)
        if (!handle) return null
        const record = await unpackRecord(new Uint8Array(await (await handle.getFile()).arrayBuffer()))
        // The time of its last use decides who makes room; that it could not be noted matters little.
        if (record) await withAccess(handle, (access) => writeAll(access, stampOfNow(), usedAt)).catch(() => {})
        else await folder.removeEntry(name)
        return record
      }),
    write: async (name, record) => {
      const kept = await quietly('write', async (folder) => {
        const file = await packRecord(record)
        const bytes = file.reduce((sum, { length }) => sum + length, 0)
        const { quota = 0 } = await storageEstimate()
        const room = Math.min(budget, quota * quotaShare) - bytes
        if (room < 0) return false
        await makeRoom(folder, room, name)
        await writeFile(folder, name, file)
        return true
      })
      return kept ?? false
    },
    remove: async (name) => {
      await quietly('remove', (folder) => folder.removeEntry(name).catch(() => {}))
    },
  }
}

/** Removes the records unused for longest until the others, `except` left out, take at most `room` bytes. */
async function makeRoom(folder: FileSystemDirectoryHandle, room: number, except: string): Promise<void> {
  const files: { readonly name: string; readonly bytes: number; readonly used: number }[] = []
  for await (const handle of folder.values()) {
    if (handle.kind !== 'file' || handle.name === except) continue
    const file = await (handle as FileSystemFileHandle).getFile()
    const stamp = await file.slice(usedAt, digestAt).arrayBuffer()
    // A file too short to have a stamp is no record and goes first.
    const used = stamp.byteLength === 8 ? new DataView(stamp).getFloat64(0, true) : 0
    files.push({ name: handle.name, bytes: file.size, used })
  }
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { name, bytes } of files.sort((a, b) => a.used - b.used)) {
    if (total <= room) return
    await folder.removeEntry(name)
    total -= bytes
  }
}
