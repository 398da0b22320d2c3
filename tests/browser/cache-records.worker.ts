/** Synchronous file handles exist in workers only, so the record store is tested in one, also on a disk that is full. */
import * as Comlink from 'comlink'
import { recordStore } from '../../workers/cache/records'

const store = recordStore('valley-test-records', 4000)
const handle = (globalThis as unknown as { FileSystemSyncAccessHandle: { prototype: { write: unknown } } })
  .FileSystemSyncAccessHandle.prototype
const { write } = handle
const functions = {
  read: (name: string) => store.read(name),
  write: (name: string, parts: readonly Uint8Array<ArrayBuffer>[]) => store.write(name, { meta: { name }, parts }),
  remove: (name: string) => store.remove(name),
  /** From now on the disk takes half of what it is given ('short'), or nothing ('error'), or all of it. */
  disk: (state: 'short' | 'error' | 'well') => {
    handle.write =
      state === 'well'
        ? write
        : (bytes: Uint8Array) => {
            if (state === 'error') throw new DOMException('no room', 'QuotaExceededError')
            return bytes.length >> 1
          }
  },
}
export type RecordFunctions = typeof functions
Comlink.expose(functions)
