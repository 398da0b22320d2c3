/** Every awkward file through the worker as the page calls it: it works or says precisely why not, and leaks nothing. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LedgerSnapshot, ValleyError } from '../../workers/protocol'
import { tinyPackUrl } from './language-tiny'
import { type Outcome, ownFiles, sharedOddFiles } from './media-expected'
import {
  cornerColors,
  type Encoded,
  encodeFile,
  fetchFile,
  restingLedger,
  sharedFiles,
  startVision,
  type VisionWorker,
} from './vision-support'

let vision: VisionWorker
let resting: LedgerSnapshot
beforeAll(async () => {
  vision = startVision()
  await vision.api.load(
    { packUrl: tinyPackUrl('tiny-mean') },
    Comlink.proxy(() => undefined),
  )
  resting = await restingLedger(vision)
}, 120_000)
afterAll(() => vision.end())

/** Encodes `file` and checks the outcome; what came out, or undefined for an expected failure. */
async function expectOutcome(file: File, expected: Outcome): Promise<Encoded | undefined> {
  const result = await encodeFile(vision, file).catch((thrown: unknown) => thrown)
  await expect.poll(() => vision.api.ledger()).toEqual(resting)
  if ('code' in expected) {
    expect(result).toBeInstanceOf(ValleyError)
    const { code, data } = result as ValleyError
    expect(code).toBe(expected.code)
    expect(data).toMatchObject(expected.data)
    return undefined
  }
  if (result instanceof Error) throw result
  const encoded = result as Encoded
  const { media, timestamps } = encoded.clip
  expect(media).toMatchObject({ container: expected.container, rotation: expected.rotation ?? 0 })
  expect(media.codec).toMatch(expected.codec)
  expect([media.width, media.height]).toEqual(expected.size)
  expect(Math.abs(media.duration - expected.duration)).toBeLessThan(0.1)
  expect(timestamps).toHaveLength(expected.frames)
  // Ascending, each at or before its planned moment.
  for (const [at, timestamp] of timestamps.entries()) {
    expect(timestamp).toBeGreaterThan(at === 0 ? -1e-9 : (timestamps[at - 1] ?? 0))
    expect(timestamp).toBeLessThanOrEqual((encoded.planned.at(-1) ?? 0) + 1e-6)
  }
  expect(encoded.frames.map(({ timestamp }) => timestamp)).toEqual(timestamps)
  expect(encoded.tokens.frameTokens).toHaveLength(expected.frames * encoded.tokens.hiddenSize)
  expect(encoded.tokens.frameTokens.every(Number.isFinite)).toBe(true)
  return encoded
}

describe('files of our own', () => {
  test.each(Object.entries(ownFiles))('%s', async (name, expected) => {
    const encoded = await expectOutcome(await fetchFile(`/tests/fixtures/clips/${name}`), expected)
    if (!encoded || name === 'damaged-noise.mp4') return
    // Red, green, blue, yellow from the top left: the picture stands upright whatever turned it.
    const [first] = encoded.frames
    if (!first) throw new Error('no frame')
    const transparent = name.includes('alpha') || name.includes('transparent')
    const right = transparent ? ['white', 'white'] : ['green', 'yellow']
    expect(await cornerColors(first.thumbnail)).toEqual(['red', right[0], 'blue', right[1]])
  })

  test('not media at all', async () => {
    const text = new File(['Dear diary, '.repeat(400)], 'diary.mp4', { type: 'video/mp4' })
    await expectOutcome(text, { code: 'not-a-video', data: { name: 'diary.mp4', type: 'video/mp4' } })
    await expectOutcome(new File([new Uint8Array(3)], 'x'), { code: 'not-a-video', data: { name: 'x', type: '' } })
    await expectOutcome(new File([], 'empty.mp4'), { code: 'empty-file', data: { name: 'empty.mp4' } })
  })

  test('a picture whose data is cut off', async () => {
    const jpeg = await fetchFile('/tests/fixtures/clips/still.jpg')
    await expectOutcome(new File([jpeg.slice(0, 40)], 'cut.jpg'), { code: 'clip-damaged', data: { stage: 'decode' } })
  })

  test('a playlist reaches out for nothing', async () => {
    const playlist = new File(['#EXTM3U\n#EXTINF:1,\nhttps://example.invalid/a.ts\n'], 'list.m3u8')
    await expectOutcome(playlist, { code: 'not-a-video', data: { name: 'list.m3u8' } })
  })

  test('a file that changed after it was chosen', async () => {
    const root = await navigator.storage.getDirectory()
    const handle = await root.getFileHandle('changing.webm', { create: true })
    const write = async (data: Blob) => {
      const stream = await handle.createWritable()
      await stream.write(data)
      await stream.close()
    }
    await write(await fetchFile('/tests/fixtures/clips/vp9.webm'))
    const chosen = await handle.getFile()
    await write(new Blob(['other']))
    await expectOutcome(chosen, { code: 'file-unreadable', data: {} })
    await root.removeEntry('changing.webm')
  })
})

// Collected before any test runs; without the shared data there is nothing to run here.
const odd = await sharedFiles('videos-odd')
// Some machines have a hardware decoder for it; the table is for those without.
const { supported: hevcPlays } = await VideoDecoder.isConfigSupported({ codec: 'hev1.1.6.L120.90' })
describe.runIf(odd.length > 0)('shared odd files', () => {
  test.each(odd)('%s', { timeout: 120_000 }, async (name) => {
    const expected = sharedOddFiles[name]
    if (!expected) throw new Error(`${name} is not in the table of outcomes`)
    if (name.includes('hevc') && hevcPlays) {
      expect(
        (await encodeFile(vision, await fetchFile(`/test-data/videos-odd/${name}`))).clip.frameTokens,
      ).toBeGreaterThan(0)
      return
    }
    const size = 'size' in expected ? expected : undefined
    const encoded = await expectOutcome(await fetchFile(`/test-data/videos-odd/${name}`), expected)
    if (size && encoded) {
      const thumbnail = await createImageBitmap(encoded.frames[0]?.thumbnail ?? new Blob())
      expect(Math.max(thumbnail.width, thumbnail.height)).toBeLessThanOrEqual(160)
      expect(Math.abs(thumbnail.width / thumbnail.height / (size.size[0] / size.size[1]) - 1)).toBeLessThan(0.05)
    }
  })
})

const clips = await sharedFiles('videos')
const mpeg4 = ['internvid_example1.mp4', 'mmtracking_demo.mp4']
describe.runIf(clips.length > 0)('shared clips', () => {
  test.each(clips)('%s', { timeout: 120_000 }, async (name) => {
    const result = await encodeFile(vision, await fetchFile(`/test-data/videos/${name}`), { frames: 2 }).catch((e) => e)
    await expect.poll(() => vision.api.ledger()).toEqual(resting)
    if (mpeg4.includes(name))
      expect(result).toMatchObject({ code: 'codec-unsupported', data: { codec: 'MPEG-4 Part 2' } })
    else expect(result).toMatchObject({ clip: { frameTokens: 2 } })
  })
})
