/** A download that ended in the middle goes on from there, in another worker as after a reload. */
import * as Comlink from 'comlink'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emptyStorage, filesKept, openToChange } from './kept-storage'
import { tinyPackUrl } from './language-tiny'
import type { DownloadFunctions } from './packs-partial.worker'

const workers: Worker[] = []
/** What a reload leaves: nothing but what is on disk. */
function start() {
  const worker = new Worker(new URL('./packs-partial.worker.ts', import.meta.url), { type: 'module' })
  workers.push(worker)
  return Comlink.wrap<DownloadFunctions>(worker)
}
const parts = async () => Promise.all((await filesKept('partial')).map((handle) => handle.getFile()))
const packUrl = tinyPackUrl('tiny-mean')

beforeEach(emptyStorage)
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
})

test('paused, then resumed after a reload: only the rest is asked for, and the whole is checked', async () => {
  const first = start()
  await expect(first.download(packUrl, 10_000)).rejects.toBeDefined()
  expect(await first.ranges()).toEqual([null])
  const [part] = await parts()
  expect(part?.size).toBeGreaterThanOrEqual(10_000)
  expect(part?.size).toBeLessThan(38_912)
  workers.splice(0)[0]?.terminate()
  const second = start()
  const { length, sha256 } = await second.download(packUrl)
  expect(await second.ranges()).toEqual([`bytes=${part?.size}-`])
  expect([length, part?.name]).toEqual([38_912, sha256])
  expect(await parts()).toEqual([])
})

test('a part that is wrong costs a whole download, not the pack', async () => {
  const worker = start()
  await expect(worker.download(packUrl, 10_000)).rejects.toBeDefined()
  const [part] = await parts()
  const handle = (await filesKept('partial')).find(({ name }) => name === part?.name)
  if (!handle) throw new Error('no part is kept')
  const writable = await openToChange(handle)
  await writable.write({ type: 'write', position: 5000, data: Uint8Array.of(1, 2, 3) })
  await writable.close()
  await worker.ranges()
  expect(await worker.download(packUrl)).toMatchObject({ length: 38_912 })
  expect(await worker.ranges()).toEqual([`bytes=${part?.size}-`, null])
  expect(await parts()).toEqual([])
})
