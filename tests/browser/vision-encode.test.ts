/** Whole clips through the worker: what comes out, in which order, how it stops, and how it recovers. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Backend, EncodeEvent, EncodeOptions, FrameRoute, LedgerSnapshot } from '../../workers/protocol'
import { tinyPackUrl } from './language-tiny'
import { codeOf, encodeFile, fetchFile, restingLedger, startVision, type VisionWorker } from './vision-support'

const backends: readonly Backend[] = ['webgpu', 'wasm']
const clipUrl = '/tests/fixtures/clips/vp9.webm'
const workers = new Map<Backend, VisionWorker>()
const resting = new Map<Backend, LedgerSnapshot>()

async function load(vision: VisionWorker, backend: Backend, pack = 'tiny-delta') {
  return vision.api.load(
    { packUrl: tinyPackUrl(pack), backend },
    Comlink.proxy(() => undefined),
  )
}
const workerOf = (backend: Backend) => workers.get(backend) as VisionWorker
const expectAtRest = (backend: Backend) =>
  expect.poll(() => workerOf(backend).api.ledger()).toEqual(resting.get(backend))

beforeAll(async () => {
  for (const backend of backends) {
    const vision = startVision()
    workers.set(backend, vision)
    expect(await load(vision, backend)).toMatchObject({ packId: 'tiny-delta', backend })
    resting.set(backend, await restingLedger(vision))
  }
}, 120_000)
afterAll(() => {
  for (const vision of workers.values()) vision.end()
})

/** The event stream itself: comlink's types take it for a promise of one. */
async function stream(
  vision: VisionWorker,
  file: File,
  signal = new AbortController().signal,
  options: Pick<EncodeOptions, 'moments'> = {},
) {
  const events: unknown = await vision.api.encode(file, { clipId: file.name, name: file.name, ...options }, signal)
  return events as AsyncIterableIterator<EncodeEvent>
}

function relativeGap(a: Float32Array, b: Float32Array): number {
  expect(a).toHaveLength(b.length)
  const difference = Math.hypot(...a.map((value, at) => value - (b[at] ?? Number.NaN)))
  return difference / Math.hypot(...b)
}

describe.each(backends)('%s', (backend) => {
  test('events come in order; tokens, vectors and thumbnails have their shapes', async () => {
    const file = await fetchFile(clipUrl)
    const types: string[] = []
    for await (const event of await stream(workerOf(backend), file)) types.push(event.type)
    expect(types).toEqual(['opened', 'planned', 'frame', 'frame', 'frame', 'encoded'])

    const { clip, tokens, frames, planned } = await encodeFile(workerOf(backend), file)
    expect(planned).toEqual([0.5, 1.5, 2.5])
    expect(clip).toMatchObject({ clipId: 'vp9.webm', patchTokens: 4, frameTokens: 3, backend })
    expect(tokens).toMatchObject({ clipId: 'vp9.webm', kind: 'video', hiddenSize: 64 })
    expect([tokens.patchTokens.length, tokens.frameTokens.length, tokens.markers.length]).toEqual([
      4 * 64,
      3 * 64,
      4 * 64,
    ])
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2])
    for (const { vector, thumbnail } of frames) {
      expect(vector).toHaveLength(32)
      expect(thumbnail.type).toBe('image/jpeg')
      const { width, height } = await createImageBitmap(thumbnail)
      expect([width, height]).toEqual([160, 90])
    }
    // The disc moves, so the frames must differ.
    expect(
      relativeGap(frames[0]?.vector ?? new Float32Array(), frames[2]?.vector ?? new Float32Array()),
    ).toBeGreaterThan(1e-3)
    await expectAtRest(backend)
  })

  test('a picture is one frame', async () => {
    const { clip, tokens } = await encodeFile(workerOf(backend), await fetchFile('/tests/fixtures/clips/still.png'))
    expect(clip).toMatchObject({ timestamps: [0], frameTokens: 1, media: { kind: 'image', duration: 0 } })
    expect(tokens.kind).toBe('image')
    await expectAtRest(backend)
  })

  test('`frames` bounds the plan', async () => {
    const { clip } = await encodeFile(workerOf(backend), await fetchFile(clipUrl), { frames: 2 })
    expect(clip.frameTokens).toBe(2)
  })

  test('abort ends it within a step, and the next clip is none the worse', async () => {
    const controller = new AbortController()
    // Many steps: of a few, all may be done when the first is told of.
    const moments = Array.from({ length: 24 }, (_, at) => (at + 0.5) / 8)
    const clip = await fetchFile(clipUrl)
    let frames = 0
    const aborted = (async () => {
      for await (const { type } of await stream(workerOf(backend), clip, controller.signal, { moments })) {
        if (type !== 'frame') continue
        frames += 1
        controller.abort()
      }
    })()
    expect(await codeOf(aborted)).toBe('aborted')
    expect(frames).toBeLessThan(moments.length)
    await expectAtRest(backend)
    const before = AbortSignal.abort()
    expect(await codeOf(encodeFile(workerOf(backend), await fetchFile(clipUrl), { signal: before }))).toBe('aborted')
    expect((await encodeFile(workerOf(backend), await fetchFile(clipUrl))).clip.frameTokens).toBe(3)
    await expectAtRest(backend)
  })

  test('a consumer that walks away midway leaves nothing behind', async () => {
    for await (const event of await stream(workerOf(backend), await fetchFile(clipUrl))) {
      if (event.type === 'frame') break
    }
    await expectAtRest(backend)
  })

  test('one clip at a time: the second waits for the first, and can be aborted while it waits', async () => {
    // Of the worker's own clock, from a clip's turn to its tokens. Events of two clips are read in any order.
    const took = new Map<string, number>()
    const file = await (await fetchFile(clipUrl)).arrayBuffer()
    const began = performance.now()
    const run = async (name: string, signal?: AbortSignal) => {
      for await (const event of await stream(workerOf(backend), new File([file], name), signal)) {
        if (event.type === 'encoded') took.set(name, event.clip.timings.total)
      }
    }
    const waiting = new AbortController()
    const [first, second, third] = [run('first'), run('second', waiting.signal), run('third')]
    waiting.abort()
    expect(await codeOf(second)).toBe('aborted')
    await Promise.all([first, third])
    // Side by side, the two would have taken more than has passed.
    expect([...took.keys()].sort()).toEqual(['first', 'third'])
    expect([...took.values()].reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(performance.now() - began)
    await expectAtRest(backend)
  })
})

describe('both backends', () => {
  const routes: Record<Backend, readonly FrameRoute[]> = {
    webgpu: ['external-texture', 'planes', 'image-bitmap', 'canvas'],
    wasm: ['planes', 'canvas', 'image-bitmap'],
  }

  // Routes differ by at most two codes of 255 in a pixel: 1 % after tower, pooling and projector.
  const allowed = 0.01
  test('every route of both gives the same tokens', async () => {
    const file = await fetchFile('/tests/fixtures/clips/h264-edit-list.mp4')
    const reference = await encodeFile(workerOf('wasm'), file)
    expect(reference.clip.route).toBe('planes')
    for (const backend of backends) {
      for (const route of routes[backend]) {
        const { clip, tokens, frames } = await encodeFile(workerOf(backend), file, { route })
        expect(clip.route).toBe(route)
        expect(clip.timestamps).toEqual(reference.clip.timestamps)
        expect(relativeGap(tokens.patchTokens, reference.tokens.patchTokens), `${backend} ${route}`).toBeLessThan(
          allowed,
        )
        expect(relativeGap(tokens.frameTokens, reference.tokens.frameTokens), `${backend} ${route}`).toBeLessThan(
          allowed,
        )
        for (const [at, { vector }] of frames.entries()) {
          expect(relativeGap(vector, reference.frames[at]?.vector ?? new Float32Array())).toBeLessThan(allowed)
        }
      }
    }
  })

  test('colours of BT.601 in full range, and alpha, agree as well', async () => {
    for (const name of [
      'h264-bt601-full.mp4',
      'vp9-alpha.webm',
      'still-transparent.png',
      'still-exif-6.jpg',
      'h264-rotated.mov',
    ]) {
      const file = await fetchFile(`/tests/fixtures/clips/${name}`)
      const [gpu, cpu] = [await encodeFile(workerOf('webgpu'), file), await encodeFile(workerOf('wasm'), file)]
      expect(relativeGap(gpu.tokens.patchTokens, cpu.tokens.patchTokens), name).toBeLessThan(0.01)
    }
  })

  test('another pack in the same worker replaces the first', async () => {
    expect(await load(workerOf('wasm'), 'wasm', 'tiny-mean')).toMatchObject({ packId: 'tiny-mean' })
    expect(await restingLedger(workerOf('wasm'))).toEqual(resting.get('wasm'))
    await load(workerOf('wasm'), 'wasm')
  })

  test('a missing pack fails by its code and the worker lives on', async () => {
    const packUrl = new URL('/tests/fixtures/tiny/none/pack.json', location.href).href
    const failing = workerOf('wasm').api.load(
      { packUrl, backend: 'wasm' },
      Comlink.proxy(() => undefined),
    )
    expect(['download-failed', 'pack-invalid']).toContain(await codeOf(failing))
    await load(workerOf('wasm'), 'wasm')
    await expectAtRest('wasm')
  })
})

test('a lost device rejects the clip being encoded; the next clip gets a new device in the same worker', async () => {
  const vision = workerOf('webgpu')
  const lost = (async () => {
    for await (const event of await stream(vision, await fetchFile(clipUrl))) {
      if (event.type === 'frame' && event.index === 0) await vision.api.loseDevice()
    }
  })()
  expect(await codeOf(lost)).toBe('device-lost')
  const { clip } = await encodeFile(vision, await fetchFile(clipUrl))
  expect(clip).toMatchObject({ frameTokens: 3, backend: 'webgpu' })
  await expectAtRest('webgpu')
})
