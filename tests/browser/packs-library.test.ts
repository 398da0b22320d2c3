/** The packs worker: what is on offer, fetching it, and a pack that comes as a folder. */
import * as Comlink from 'comlink'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { importLock } from '../../workers/packs/import'
import { type FolderFile, keptFolders, type PackOffer, type PacksApi } from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'
import { emptyStorage } from './kept-storage'
import { encodeFile, fetchFile, startVision } from './vision-support'

registerTransferHandlers()
const worker = new Worker(new URL('../../workers/packs/packs.worker.ts', import.meta.url), { type: 'module' })
const packs = Comlink.wrap<PacksApi>(worker)
afterAll(() => worker.terminate())

const folder = new URL('/tests/fixtures/tiny/', location.href).href
const catalogUrl = new URL('catalog.json', folder).href
const never = new AbortController().signal
const silent = () => Comlink.proxy(() => {})
const list = () => packs.list(catalogUrl) as Promise<readonly PackOffer[]>
const offerOf = async (id: string) => (await list()).find((offer) => offer.id === id)

/** The files of some folders of the fixtures, as a folder that was chosen gives them. */
async function chosen(top: string, names: readonly string[]): Promise<FolderFile[]> {
  const files: FolderFile[] = []
  for (const name of names) {
    const manifest = name.endsWith('base') ? 'base.json' : 'pack.json'
    const text = await (await fetch(`${folder}${name}/${manifest}`)).text()
    const paths = [...text.matchAll(/"path": "([^"]+)"/g)].map((match) => match[1] ?? '')
    for (const path of [manifest, ...new Set(paths)]) {
      files.push({ path: `${top}${name}/${path}`, file: await (await fetch(`${folder}${name}/${path}`)).blob() })
    }
  }
  return files
}

beforeEach(emptyStorage)

test('the catalog is on offer with what there is to know before anything is fetched; then it is fetched', async () => {
  const before = await offerOf('tiny-retrieval')
  expect(before).toMatchObject({ imported: false, present: 0, languages: ['en'], fitness: { runs: true } })
  const seen: number[] = []
  const onProgress = (done: number, total: number) => {
    expect(total).toBe(before?.bytes)
    seen.push(done)
  }
  await packs.download(before?.packUrl ?? '', Comlink.proxy(onProgress), never)
  expect(seen).toEqual([...seen].sort((a, b) => a - b))
  expect(seen.at(-1)).toBe(before?.bytes)
  expect(await offerOf('tiny-retrieval')).toMatchObject({ present: before?.bytes })
})

describe('a pack in a folder', () => {
  const importing = (files: readonly FolderFile[]) => packs.importFolder(files, folder, silent(), never)

  test('with its base is checked, copied, on offer, and looks at a clip without the server', async () => {
    const [packUrl = ''] = (await importing(await chosen('models/', ['tiny-mean', 'tiny-base']))) as string[]
    expect(packUrl).toMatch(/^opfs:\/valley-packs\/[0-9a-f]{16}\/models\/tiny-mean\/pack\.json$/)
    const offer = (await list()).find((one) => one.imported)
    expect(offer).toMatchObject({ packUrl, id: 'tiny-mean', present: offer?.bytes })
    const vision = startVision()
    await vision.api.load({ packUrl, backend: 'wasm' }, silent())
    const { clip } = await encodeFile(vision, await fetchFile('/tests/fixtures/clips/still.png'))
    expect(clip.frameTokens).toBe(1)
    vision.end()
    await packs.remove(packUrl)
    expect((await list()).filter(({ imported }) => imported)).toEqual([])
  })

  test('may lie in a folder of any name', async () => {
    const top = 'Mine #2: 100% {a?} é/'
    const [packUrl = ''] = (await importing(await chosen(top, ['tiny-mean', 'tiny-base']))) as string[]
    expect((await list()).filter(({ imported }) => imported).map((offer) => offer.packUrl)).toEqual([packUrl])
    await packs.download(packUrl, silent(), never)
  })

  test('stays where it is imported once more and that is stopped', async () => {
    const files = await chosen('', ['tiny-mean'])
    const urls = await importing(files)
    await expect(packs.importFolder(files, folder, silent(), AbortSignal.abort())).rejects.toMatchObject({
      code: 'aborted',
    })
    expect((await list()).filter(({ imported }) => imported).map(({ packUrl }) => packUrl)).toEqual(urls)
  })

  test('is left alone by a look at the list while it is copied, and cleared away where that was cut short', async () => {
    const id = '0123456789abcdef'
    const root = await navigator.storage.getDirectory()
    const kept = await root.getDirectoryHandle(keptFolders.packs, { create: true })
    await kept.getDirectoryHandle(id, { create: true })
    const isThere = () =>
      kept.getDirectoryHandle(id).then(
        () => true,
        () => false,
      )
    await navigator.locks.request(importLock(id), async () => {
      await list()
      expect(await isThere()).toBe(true)
    })
    await list()
    expect(await isThere()).toBe(false)
  })

  test('waits for another tab that copies the same', async () => {
    const [packUrl = ''] = (await importing(await chosen('', ['tiny-mean']))) as string[]
    const lock = importLock(packUrl.split('/')[2] ?? '')
    await packs.remove(packUrl)
    const again = await navigator.locks.request(lock, async () => {
      const waiting = importing(await chosen('', ['tiny-mean']))
      const pending = async () => (await navigator.locks.query()).pending?.map((one) => one.name)
      await expect.poll(pending).toContain(lock)
      expect((await list()).filter(({ imported }) => imported)).toEqual([])
      return { waiting }
    })
    expect(await again.waiting).toEqual([packUrl])
  })

  test('without its base uses the one that the app has', async () => {
    await importing(await chosen('', ['tiny-mean']))
    const offer = (await list()).find((one) => one.imported)
    expect(offer?.present).toBeGreaterThan(0)
    expect(offer?.present).toBeLessThan(offer?.bytes ?? 0)
    await packs.download(offer?.packUrl ?? '', silent(), never)
    expect(await list()).toContainEqual(expect.objectContaining({ imported: true, present: offer?.bytes }))
  })

  test.each<[string, (files: FolderFile[]) => FolderFile[], string]>([
    ['without a pack', () => [{ path: 'a/readme.txt', file: new Blob(['x']) }], 'not in the folder'],
    ['lacking a file', (files) => files.filter(({ path }) => !path.includes('tower')), 'is missing'],
    [
      'with a byte changed',
      (files) =>
        files.map(({ path, file }) => ({
          path,
          file: path.includes('projector') ? new Blob(['x', file.slice(1)]) : file,
        })),
      'its bytes are not',
    ],
    [
      'with a manifest of another shape',
      (files) => files.map((one) => (one.path.endsWith('pack.json') ? { ...one, file: new Blob(['{}']) } : one)),
      'formatVersion',
    ],
    [
      'whose base is nowhere',
      (files) => files.map((one) => (one.path.endsWith('pack.json') ? { ...one, file: new Blob([rebased]) } : one)),
      'neither in the folder nor here',
    ],
  ])('%s is refused, and leaves nothing', async (_, change, problem) => {
    const files = await chosen('', ['tiny-mean'])
    const failure = await importing(change(files)).then(
      () => null,
      (thrown) => thrown,
    )
    expect(failure).toMatchObject({ code: 'pack-invalid' })
    expect(failure.data.problems.join()).toContain(problem)
    expect((await list()).filter(({ imported }) => imported)).toEqual([])
  })
})

const rebased = (await (await fetch(`${folder}tiny-mean/pack.json`)).text()).replace('../tiny-base/', '../elsewhere/')
