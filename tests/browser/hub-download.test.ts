/** Packs of the hub: fetched over redirects, resumed, checked, kept, deleted; and what goes wrong on the way. */
import * as Comlink from 'comlink'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hubManifestName, keptFolders, type PacksApi, packFilesCache } from '../../workers/protocol'
import type { HubOrder } from '../tools/serve-hub'
import { tellHub } from './hub-tiny'
import { emptyStorage, filesKept } from './kept-storage'

const name = 'someone/Small-VLM'
const newest = { repository: name, revision: null }
const catalogUrl = new URL('/tests/fixtures/tiny/catalog.json', location.href).href
const never = new AbortController().signal

const workers: Worker[] = []
/** What a reload leaves: nothing but what is on disk. */
function start(): Comlink.Remote<PacksApi> {
  for (const worker of workers.splice(0)) worker.terminate()
  const worker = new Worker(new URL('../../workers/packs/packs.worker.ts', import.meta.url), { type: 'module' })
  workers.push(worker)
  return Comlink.wrap<PacksApi>(worker)
}
const mishap = (path: string, how: Extract<HubOrder, { order: 'mishap' }>['mishap']) =>
  tellHub({ order: 'mishap', key: path ? `${name}/${path}` : name, mishap: how })
const root = () => navigator.storage.getDirectory()
const heldOffers = async (packs: Comlink.Remote<PacksApi>) => await packs.listHub(catalogUrl)
const cachedFiles = async () => (await (await caches.open(packFilesCache)).keys()).length
const partsHere = async () => Promise.all((await filesKept('partial')).map((handle) => handle.getFile()))

let origin = ''
beforeEach(async () => {
  await emptyStorage()
  origin = (await tellHub({ order: 'reset' })).origin
})
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
})

/** The forms that this device takes: one file of each part, by its beginning. */
const decoder = async (packs: Comlink.Remote<PacksApi>) => {
  const { precisions } = await packs.lookAtHub(origin, newest, never)
  const suffix = { f32: '', f16: '_fp16', q4f16: '_q4f16', q8: '_quantized' }[precisions.decoder_model_merged ?? '']
  return `onnx/decoder_model_merged${suffix}.onnx`
}
const download = (packs: Comlink.Remote<PacksApi>, onProgress = (_: number, __: number) => {}, signal = never) =>
  packs.downloadFromHub(origin, newest, Comlink.proxy(onProgress), signal)

test('looked at, then fetched over the redirect to the other host, checked, and here without the hub', async () => {
  const packs = start()
  const look = await packs.lookAtHub(origin, newest, never)
  expect(look).toMatchObject({ family: 'smolvlm', licence: 'apache-2.0', languages: ['en'], present: 0 })
  expect(look.commit).toMatch(/^[0-9a-f]{40}$/)
  const seen: [number, number][] = []
  await download(packs, (done, total) => seen.push([done, total]))
  expect(seen.at(-1)).toEqual([look.bytes, look.bytes])
  expect(seen.map(([done]) => done)).toEqual(seen.map(([done]) => done).sort((a, b) => a - b))
  const { requests } = await tellHub({ order: 'commit', repository: name, commit: null })
  const redirected = requests.filter(({ host }) => host === 'files').map(({ path }) => path)
  expect(redirected).toHaveLength(3)
  expect(await heldOffers(start())).toMatchObject([
    { repository: name, commit: look.commit, bytes: look.bytes, present: look.bytes },
  ])
})

test('a pause, a reload, and it goes on with a Range where it was, at the commit that it began with', async () => {
  const packs = start()
  const { commit, bytes } = await packs.lookAtHub(origin, newest, never)
  const path = await decoder(packs)
  await mishap(path, { kind: 'stall', after: 40_000 })
  const pause = new AbortController()
  // The decoder comes last, and has 200,000 bytes at least.
  const ofDecoder = (done: number) => done > bytes - 200_000
  const paused = download(packs, (done) => ofDecoder(done) && pause.abort(), pause.signal)
  await expect(paused).rejects.toMatchObject({ code: 'aborted' })
  const [part] = await partsHere()
  expect(part?.size).toBeGreaterThan(0)
  await mishap(path, null)
  await tellHub({ order: 'commit', repository: name, commit })
  await download(start())
  const { requests } = await tellHub({ order: 'reset' })
  const rest = requests.filter(({ host }) => host === 'files')
  expect(rest.map(({ range }) => range)).toEqual([`bytes=${part?.size}-`])
  expect(rest[0]?.path).toContain(commit)
  expect(requests.some((request) => request.path.startsWith('/api/'))).toBe(false)
  expect(await partsHere()).toEqual([])
})

test('a connection that is cut is taken up by itself', async () => {
  const packs = start()
  const path = await decoder(packs)
  await mishap(path, { kind: 'cut', after: 100_000, once: true })
  await download(packs)
  const { requests } = await tellHub({ order: 'reset' })
  const ranges = requests.filter((request) => request.host === 'files' && request.path.endsWith(path))
  // What of it had not reached the page when the connection went is asked for again.
  expect(ranges).toHaveLength(2)
})

test('a file that had come whole, but was not checked and kept when the tab was closed, is fetched again', async () => {
  await download(start())
  // As it was a moment before: all of the file on disk as a part, nothing in the cache.
  const hub = await (await root()).getDirectoryHandle(keptFolders.hub)
  const manifest = await (await hub.getFileHandle(hubManifestName(name))).getFile()
  const { files } = JSON.parse(await manifest.text()) as { files: readonly { readonly sha256: string }[] }
  const sha256 = files.at(-1)?.sha256 ?? ''
  const cache = await caches.open(packFilesCache)
  const key = (await cache.keys()).find(({ url }) => url.endsWith(sha256)) as Request
  const bytes = await (await cache.match(key))?.blob()
  await cache.delete(key)
  const parts = await (await root()).getDirectoryHandle(keptFolders.partial, { create: true })
  const part = await (await parts.getFileHandle(sha256, { create: true })).createWritable()
  await part.write(bytes as Blob)
  await part.close()

  const packs = start()
  const [before] = await heldOffers(packs)
  expect(before?.present).toBeLessThan(before?.bytes ?? 0)
  await download(packs)
  expect((await heldOffers(packs))[0]?.present).toBe(before?.bytes)
  expect(await cachedFiles()).toBe(files.length)
  expect(await partsHere()).toEqual([])
})

test('a host that knows no ranges sends the file anew', async () => {
  const packs = start()
  const path = await decoder(packs)
  await mishap(path, { kind: 'cut', after: 40_000 })
  await expect(download(packs)).rejects.toBeDefined()
  await mishap(path, { kind: 'no-ranges' })
  await download(start())
  const [offer] = await heldOffers(start())
  expect(offer?.present).toBe(offer?.bytes)
})

test('one wrong byte is refused, and nothing of that file is kept', async () => {
  const packs = start()
  const path = await decoder(packs)
  await mishap(path, { kind: 'wrong-byte', at: 12_345 })
  await expect(download(packs)).rejects.toMatchObject({ code: 'hub-integrity', data: { repository: name } })
  expect(await partsHere()).toEqual([])
  const [offer] = await heldOffers(packs)
  expect(offer?.present).toBeLessThan(offer?.bytes ?? 0)
  await mishap(path, null)
  await download(packs)
  expect((await heldOffers(packs))[0]?.present).toBe(offer?.bytes)
})

describe('what the hub refuses', () => {
  test.each([
    [401, 'hub-gated'],
    [403, 'hub-gated'],
    [404, 'hub-moved'],
    [503, 'download-failed'],
  ])('%i is %s', async (status, code) => {
    await mishap('', { kind: 'status', status })
    await expect(download(start())).rejects.toMatchObject({ code })
    expect(await cachedFiles()).toBe(0)
  })

  test('429 in the middle keeps what came; the time to wait is told where the page may read it', async () => {
    const packs = start()
    const path = await decoder(packs)
    // As the hub: its CORS headers do not show Retry-After.
    await mishap(path, { kind: 'status', status: 429, headers: { 'Retry-After': '9' } })
    await expect(download(packs)).rejects.toMatchObject({ code: 'hub-busy', data: { seconds: null } })
    const shown = { 'Retry-After': '9', 'Access-Control-Expose-Headers': 'Retry-After' }
    await mishap(path, { kind: 'status', status: 429, headers: shown })
    await expect(download(packs)).rejects.toMatchObject({ code: 'hub-busy', data: { seconds: 9 } })
    await mishap(path, null)
    await tellHub({ order: 'mishap', key: 'none', mishap: null })
    await download(packs)
    const { requests } = await tellHub({ order: 'reset' })
    expect(requests.filter(({ host }) => host === 'files')).toHaveLength(1)
  })
})

test('more than the browser grants is refused before anything large is asked for', async () => {
  const worker = new Worker(new URL('./hub-quota.worker.ts', import.meta.url), { type: 'module' })
  workers.push(worker)
  const packs = Comlink.wrap<PacksApi>(worker)
  await expect(
    packs.downloadFromHub(
      origin,
      newest,
      Comlink.proxy(() => {}),
      never,
    ),
  ).rejects.toMatchObject({
    code: 'quota',
    data: { free: 1000, needed: expect.toSatisfy((bytes: number) => bytes > 600_000) },
  })
  const { requests } = await tellHub({ order: 'reset' })
  expect(requests.filter(({ host }) => host === 'files')).toEqual([])
})

test('deleted, it is gone: its description, its files, and the parts of them', async () => {
  const packs = start()
  await download(packs)
  expect(await cachedFiles()).toBe(7)
  await packs.removeFromHub(name)
  expect(await heldOffers(packs)).toEqual([])
  expect(await cachedFiles()).toBe(0)
})
