import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB, type StoreNames } from 'idb'
import type { ClipRecord, ConversationRecord, FileRecord, FramesRecord, TurnRecord } from './records'

/** What is kept, by store. Turns, clips and files stand apart from their conversation so that a change writes only itself. */
export type ValleySchema = DBSchema & {
  conversations: { key: string; value: ConversationRecord }
  turns: { key: string; value: TurnRecord; indexes: { conversation: string } }
  clips: { key: string; value: ClipRecord; indexes: { conversation: string } }
  /** Thumbnails and CLIP vectors, by clip. */
  frames: { key: string; value: FramesRecord }
  /** The clip itself or the way to it, by clip. */
  files: { key: string; value: FileRecord }
}
export type Database = IDBPDatabase<ValleySchema>
type Upgrade = IDBPTransaction<ValleySchema, StoreNames<ValleySchema>[], 'versionchange'>

export type Released = 'wanted' | 'lost'

export const databaseName = 'valley'

/** Step n turns version n into n + 1. A shipped step is never changed: what comes later is a step of its own. */
const steps: readonly ((database: Database, upgrade: Upgrade) => void | Promise<void>)[] = [
  (database) => {
    database.createObjectStore('conversations', { keyPath: 'id' })
    database.createObjectStore('turns', { keyPath: 'id' }).createIndex('conversation', 'conversationId')
    database.createObjectStore('clips', { keyPath: 'id' }).createIndex('conversation', 'conversationId')
    database.createObjectStore('frames', { keyPath: 'clipId' })
    database.createObjectStore('files', { keyPath: 'clipId' })
  },
  // From here on clips and answers say which pack they come from; of those before it is not known.
  async (_database, upgrade) => {
    const clips = upgrade.objectStore('clips')
    for (const clip of await clips.getAll()) await clips.put({ ...clip, pack: null })
    const turns = upgrade.objectStore('turns')
    for (const turn of await turns.getAll()) {
      await turns.put({ ...turn, pack: null, before: turn.before && { ...turn.before, pack: null } })
    }
  },
]
export const databaseVersion = steps.length

/**
 * Opens the database, bringing an older one up to date.
 * @param onReleased  it is closed: `wanted` elsewhere (a newer version of the app is open in another tab, or all is being
 *   deleted), or `lost`, closed by the browser, mostly with all that was in it
 * @throws DOMException where the browser gives no storage, or where what is kept is of a newer version
 */
export async function openDatabase(onReleased: (why: Released) => void): Promise<Database> {
  return openDB<ValleySchema>(databaseName, databaseVersion, {
    upgrade: async (database, from, _to, upgrade) => {
      for (const step of steps.slice(from)) await step(database, upgrade)
    },
    blocking: (_from, _to, event) => {
      ;(event.target as IDBDatabase).close()
      onReleased('wanted')
    },
    terminated: () => onReleased('lost'),
  })
}
