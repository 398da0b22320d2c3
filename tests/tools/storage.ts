/** What a page's storage holds, filling it, and holding it up. */
import type { Page } from 'playwright-core'
import { databaseName } from '../../src/storage/database'
import { keptFolders } from '../../workers/protocol'

/** How many questions the database holds. */
export const storedTurns = (page: Page) => stored(page, 'turns')
/** Of how many clips the database holds the frames: they are written once a clip was looked at. */
export const storedFrames = (page: Page) => stored(page, 'frames')

/** How many records a store of the database holds; it is opened as it is, and never made. */
function stored(page: Page, store: 'turns' | 'frames'): Promise<number> {
  return page.evaluate(
    async ({ name, store }) => {
      if (!(await indexedDB.databases()).some((database) => database.name === name)) return 0
      return new Promise<number>((resolve, reject) => {
        const opening = indexedDB.open(name)
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const database = opening.result
          const counting = database.transaction(store).objectStore(store).count()
          counting.onsuccess = () => {
            database.close()
            resolve(counting.result)
          }
        }
      })
    },
    { name: databaseName, store },
  )
}

/** What is known of how many clips is kept: it is written behind a clip, and lost with a worker that ends before. */
export const keptClips = (page: Page): Promise<number> =>
  page.evaluate(async (name) => {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle(name, { create: true })
    let written = 0
    for await (const handle of folder.values()) {
      // Its head alone has fewer bytes.
      if ((await (handle as FileSystemFileHandle).getFile()).size > 1000) written += 1
    }
    return written
  }, keptFolders.clips)

/** From here on, for as long as the page is there, no write to conversations and questions is begun: one goes on and on. */
export function holdWrites(page: Page): Promise<void> {
  return page.evaluate(
    (name) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open(name)
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const turns = opening.result.transaction(['conversations', 'turns'], 'readwrite').objectStore('turns')
          const goOn = () => {
            turns.count().onsuccess = goOn
          }
          turns.count().onsuccess = () => {
            goOn()
            resolve()
          }
        }
      }),
    databaseName,
  )
}

/** Writes 20 kB into a database of its own: "" where there was room, else the name of the error. */
export function writeUntilFull(page: Page): Promise<string> {
  return page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        const opening = indexedDB.open('filler')
        opening.onupgradeneeded = () => opening.result.createObjectStore('bytes', { autoIncrement: true })
        opening.onerror = () => resolve(opening.error?.name ?? 'unknown')
        opening.onsuccess = () => {
          const database = opening.result
          const writing = database.transaction('bytes', 'readwrite')
          writing.objectStore('bytes').add(crypto.getRandomValues(new Uint8Array(20_000)))
          const end = (name: string) => {
            database.close()
            resolve(name)
          }
          writing.oncomplete = () => end('')
          writing.onabort = () => end(writing.error?.name ?? 'unknown')
        }
      }),
  )
}
