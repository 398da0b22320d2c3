/** A clip that was encoded before comes back as it was, from the origin-private file system, or is encoded again. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { keptFolders } from '../../workers/protocol'
import { openToChange, removeFolder } from './kept-storage'
import { tinyPackUrl } from './language-tiny'
import { encodeFile, fetchFile, restingLedger, startVision, type VisionWorker } from './vision-support'

let vision: VisionWorker
let file: File

const load = (worker: VisionWorker, pack = 'tiny-retrieval', keepClips = true) =>
  worker.api.load(
    { packUrl: tinyPackUrl(pack), backend: 'wasm', keepClips },
    Comlink.proxy(() => undefined),
  )
const root = () => navigator.storage.getDirectory()
const folder = async () => (await root()).getDirectoryHandle(keptFolders.clips)
async function records(): Promise<string[]> {
  const names: string[] = []
  for await (const name of (await folder()).keys()) names.push(name)
  return names
}

/** The record is written behind the last event; a second opening in the same worker waits for it. */
const written = async (worker = vision, options = {}) =>
  expect((await encodeFile(worker, file, options)).clip.fromCache).toBe(true)

beforeAll(async () => {
  vision = startVision()
  await load(vision)
  file = await fetchFile('/tests/fixtures/clips/vp9.webm')
})
beforeEach(() => removeFolder(keptFolders.clips))
afterAll(() => vision.end())

describe('a known file', () => {
  test('gives the same events and tokens, in another worker and under another name, without being decoded', async () => {
    const first = await encodeFile(vision, file)
    expect(first.clip.fromCache).toBe(false)
    expect(first.tokens.quotes.length).toBeGreaterThan(0)
    await written()
    const other = startVision()
    await load(other)
    const before = await restingLedger(other)
    const again = await encodeFile(other, new File([file], 'renamed.webm'))
    // It was being opened while it was looked for.
    expect(await restingLedger(other)).toEqual(before)
    other.end()
    expect(again.clip).toMatchObject({ fromCache: true, timings: { decode: 0, encode: 0 } })
    const { clipId: _, timings: _t, fromCache: _f, ...clip } = first.clip
    expect(again.clip).toMatchObject({ ...clip, clipId: 'renamed.webm' })
    expect(again.planned).toEqual(first.planned)
    const { clipId: _c, ...tokens } = first.tokens
    expect(again.tokens).toEqual({ ...tokens, clipId: 'renamed.webm' })
    expect(again.frames.map(({ vector, timestamp }) => [vector, timestamp])).toEqual(
      first.frames.map(({ vector, timestamp }) => [vector, timestamp]),
    )
    const pixels = async ({ frames }: typeof first) =>
      Promise.all(frames.map(async ({ thumbnail }) => [thumbnail.type, await thumbnail.text()]))
    expect(await pixels(again)).toEqual(await pixels(first))
  })

  test('is encoded again for another plan, another pack, or where nothing is to be kept', async () => {
    await encodeFile(vision, file)
    await written()
    expect((await encodeFile(vision, file, { frames: 2 })).clip).toMatchObject({ fromCache: false, frameTokens: 2 })
    await written(vision, { frames: 2 })
    const other = startVision()
    await load(other, 'tiny-mean')
    expect((await encodeFile(other, file)).clip.fromCache).toBe(false)
    await written(other)
    other.end()
    const forgetful = startVision()
    await load(forgetful, 'tiny-retrieval', false)
    const before = await records()
    expect((await encodeFile(forgetful, file)).clip.fromCache).toBe(false)
    expect(await records()).toEqual(before)
    forgetful.end()
  })

  test('is encoded again after its record was damaged, cut short or evicted', async () => {
    const { tokens } = await encodeFile(vision, file)
    const spoil = async (change: (file: FileSystemWritableFileStream, size: number) => Promise<void>) => {
      await written()
      const [name = ''] = await records()
      const handle = await (await folder()).getFileHandle(name)
      const { size } = await handle.getFile()
      const writable = await openToChange(handle)
      await change(writable, size)
      await writable.close()
    }
    await spoil((writable, size) => writable.write({ type: 'write', position: size - 9, data: Uint8Array.of(1, 2) }))
    const mended = await encodeFile(vision, file)
    expect(mended.clip.fromCache).toBe(false)
    expect(mended.tokens.patchTokens).toEqual(tokens.patchTokens)
    await spoil((writable, size) => writable.truncate(size - 1))
    expect((await encodeFile(vision, file)).clip.fromCache).toBe(false)
    await encodeFile(vision, file)
    await removeFolder(keptFolders.clips)
    expect((await encodeFile(vision, file)).clip.fromCache).toBe(false)
  })
})
