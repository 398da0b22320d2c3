/** What is kept between visits: verified files in Cache Storage, derived weights in the origin-private file system. */
import * as Comlink from 'comlink'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { openBase, openPack } from '../../workers/packs/source'
import { openToChange } from './kept-storage'
import type { DerivedFunctions } from './packs-derived.worker'

const packUrl = new URL('/tests/fixtures/tiny/tiny-mean/pack.json', location.href).href

describe('verified files', () => {
  beforeEach(async () => {
    for (const name of await caches.keys()) await caches.delete(name)
  })

  async function open() {
    const base = await openBase(await openPack(packUrl))
    const [entry] = base.manifest.files.weights
    if (!entry) throw new Error('no shard')
    return { base, entry }
  }
  const requests = (path: string) =>
    performance.getEntriesByType('resource').filter(({ name }) => name.endsWith(path)).length

  test('a file is fetched once and kept under its hash', async () => {
    const { base, entry } = await open()
    performance.clearResourceTimings()
    const first = await base.file(entry)
    expect(requests(entry.path)).toBe(1)
    const again = await (await open()).base.file(entry)
    expect(again).toEqual(first)
    expect(requests(entry.path)).toBe(1)
  })

  test('an entry that was damaged is fetched anew', async () => {
    const { base, entry } = await open()
    const good = await base.file(entry)
    const [name = ''] = await caches.keys()
    const cache = await caches.open(name)
    const [request] = await cache.keys()
    if (!request) throw new Error('nothing was kept')
    await cache.put(request, new Response(good.with(7, (good[7] ?? 0) ^ 1)))
    expect(await base.file(entry)).toEqual(good)
    const mended = new Uint8Array(await ((await cache.match(request)) ?? new Response()).arrayBuffer())
    expect(mended).toEqual(good)
  })

  test('a hash that does not match is an integrity error, and nothing is kept', async () => {
    const { base, entry } = await open()
    const wrong = { ...entry, sha256: '0'.repeat(64) }
    await expect(base.file(wrong)).rejects.toMatchObject({ code: 'integrity' })
    const kept = await Promise.all((await caches.keys()).map(async (name) => (await caches.open(name)).keys()))
    expect(kept.flat()).toEqual([])
  })
})

describe('derived weights', () => {
  const worker = new Worker(new URL('./packs-derived.worker.ts', import.meta.url), { type: 'module' })
  const derived = Comlink.wrap<DerivedFunctions>(worker)
  afterAll(() => worker.terminate())
  const folder = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('valley-derived')
  const names = async () => {
    const found: string[] = []
    for await (const name of (await folder()).keys()) if (name.startsWith('test+')) found.push(name)
    return found
  }
  const parts = [Uint8Array.of(1, 2, 3), Uint8Array.of(9, 8)]
  const key = (hash: string, family = 'test+plain+int8') => ({ family, hash })

  test('parts come back as they were kept', async () => {
    expect(await derived.write(key('a'), parts)).toBe(true)
    expect(await derived.read(key('a'), [3, 2])).toEqual(parts)
    expect(await derived.read(key('b'), [3, 2])).toBeNull()
    expect(await derived.read(key('a'), [3, 3])).toBeNull()
  })

  test('a new version replaces the old of its family only', async () => {
    await derived.write(key('a'), parts)
    await derived.write(key('a', 'test+other+int8'), parts)
    await derived.write(key('b'), parts)
    expect((await names()).sort()).toEqual(['test+other+int8=a', 'test+plain+int8=b'])
  })

  test('a file cut short, or not closed as written, is not read', async () => {
    await derived.write(key('a'), parts)
    const file = await (await folder()).getFileHandle('test+plain+int8=a')
    const { size } = await file.getFile()
    const writable = await openToChange(file)
    await writable.write({ type: 'write', position: size - 1, data: Uint8Array.of(0) })
    await writable.close()
    expect(await derived.read(key('a'), [3, 2])).toBeNull()
    const cut = await openToChange(file)
    await cut.truncate(size - 4)
    await cut.close()
    expect(await derived.read(key('a'), [3, 2])).toBeNull()
  })
})
