/** The store of named records: what comes back, what makes room, and what a full disk does. */
import * as Comlink from 'comlink'
import { afterAll, beforeEach, expect, test } from 'vitest'
import type { RecordFunctions } from './cache-records.worker'
import { removeFolder } from './kept-storage'

const worker = new Worker(new URL('./cache-records.worker.ts', import.meta.url), { type: 'module' })
const store = Comlink.wrap<RecordFunctions>(worker)
afterAll(() => worker.terminate())
beforeEach(() => removeFolder('valley-test-records'))

const names = async () => {
  const root = await navigator.storage.getDirectory()
  const folder = await root.getDirectoryHandle('valley-test-records', { create: true })
  const found: string[] = []
  for await (const name of folder.keys()) found.push(name)
  return found.sort()
}
const bytes = (length: number, seed = 1) => Uint8Array.from({ length }, (_, at) => at * seed)
/** Times of last use are told apart by the millisecond. */
async function later(): Promise<void> {
  const before = Date.now()
  await expect.poll(() => Date.now(), { interval: 1 }).toBeGreaterThan(before)
}

test('a record comes back as it was, and is gone after `remove`', async () => {
  expect(await store.write('a', [bytes(3), bytes(0), bytes(700, 3)])).toBe(true)
  expect(await store.read('a')).toEqual({ meta: { name: 'a' }, parts: [bytes(3), bytes(0), bytes(700, 3)] })
  expect(await store.read('b')).toBeNull()
  await store.remove('a')
  expect(await store.read('a')).toBeNull()
})

test('what was not used for longest makes room; what is larger than the budget is not kept', async () => {
  for (const name of ['a', 'b', 'c']) {
    await store.write(name, [bytes(1000)])
    await later()
  }
  await store.read('a')
  await later()
  expect(await store.write('d', [bytes(1000)])).toBe(true)
  expect(await names()).toEqual(['a', 'c', 'd'])
  expect(await store.write('e', [bytes(5000)])).toBe(false)
  expect(await names()).toEqual(['a', 'c', 'd'])
})

test.each(['short', 'error'] as const)('a disk that is full (%s) keeps nothing and breaks nothing', async (state) => {
  await store.write('a', [bytes(10)])
  await store.disk(state)
  expect(await store.write('b', [bytes(10)])).toBe(false)
  // Reading goes on although the time of the use cannot be noted.
  expect(await store.read('a')).toMatchObject({ meta: { name: 'a' } })
  await store.disk('well')
  expect(await names()).toEqual(['a'])
  expect(await store.write('b', [bytes(10)])).toBe(true)
})
