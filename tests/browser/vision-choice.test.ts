/** Where there is a real GPU, a short measurement chooses; and the first clip finds an encoder that is warm. */
import * as Comlink from 'comlink'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type EncodeEvent, keptFolders, type VisionApi } from '../../workers/protocol'
import { VisionEngine } from '../../workers/vision/engine'
import type { FrameToSee } from '../../workers/vision/tower-lane'
import { TowerLanes } from '../../workers/vision/tower-lanes'
import { withThreads } from './app-worker'
import { removeFolder } from './kept-storage'
import { tinyPackUrl } from './language-tiny'
import { codeOf, fetchFile, restingLedger, startVision } from './vision-support'

const packUrl = tinyPackUrl('tiny-mean')
const never = new AbortController().signal
const workers: Worker[] = []
afterEach(() => {
  for (const worker of workers.splice(0)) worker.terminate()
  vi.restoreAllMocks()
})

/** A worker in which the software adapter passes for a real one. */
function start() {
  const worker = withThreads(
    new Worker(new URL('../tools/readback/vision.worker.ts', import.meta.url), { type: 'module' }),
  )
  workers.push(worker)
  return Comlink.wrap<VisionApi>(worker)
}
const unheard = () => Comlink.proxy(() => undefined)

describe('a real GPU', () => {
  test('is measured against the CPU once; the next visit takes what is kept, and what is forced is not measured', async () => {
    await removeFolder(keptFolders.speeds)
    const first = start()
    const info = await first.load({ packUrl }, unheard())
    const { webgpu = Number.NaN, wasm = Number.NaN } = info.frameMs ?? {}
    expect(webgpu).toBeGreaterThan(0)
    expect(wasm).toBeGreaterThan(0)
    const faster = wasm < webgpu ? 'wasm' : 'webgpu'
    expect(info.backend).toBe(faster)
    // Of the two encoders one is left.
    expect(await first.ledger()).toMatchObject({ session: 1 })
    expect((await first.ledger())['gpu-device'] ?? 0).toBe(faster === 'webgpu' ? 1 : 0)

    const next = start()
    expect(await next.load({ packUrl }, unheard())).toMatchObject({ backend: faster, frameMs: info.frameMs })
    expect((await start().load({ packUrl, backend: 'wasm' }, unheard())).frameMs).toBeUndefined()
    // Another pack has another tower.
    const other = await start().load({ packUrl: tinyPackUrl('tiny-delta') }, unheard())
    expect(other.frameMs).toBeDefined()
    expect(other.frameMs).not.toEqual(info.frameMs)
  }, 240_000)

  test('that is lost while its tower runs takes the clip with it; the next one gets another device in the same worker', async () => {
    const api = start()
    await api.load({ packUrl, backend: 'webgpu' }, unheard())
    const atRest = await restingLedger({ api })
    const file = await fetchFile('/tests/fixtures/clips/vp9.webm')
    const encode = async (onEvent: (event: EncodeEvent) => unknown = () => {}) => {
      const events = (await api.encode(file, { clipId: 'a', name: file.name }, never)) as unknown
      for await (const event of events as AsyncIterable<EncodeEvent>) {
        await onEvent(event)
        if (event.type === 'encoded') return event.clip
      }
      return undefined
    }
    const lost = encode(({ type }) => type === 'planned' && api.loseDevice())
    expect(await codeOf(lost)).toBe('device-lost')
    expect(await encode()).toMatchObject({ backend: 'webgpu', frameTokens: 3 })
    await expect.poll(() => api.ledger()).toEqual(atRest)
  }, 120_000)

  test('is not taken for one where it is software', async () => {
    const vision = startVision()
    workers.push(vision.worker)
    const info = await vision.api.load({ packUrl }, unheard())
    expect(info).toMatchObject({ backend: 'wasm', adapter: 'CPU' })
    expect(info.frameMs).toBeUndefined()
  })
})

/** Whether every sample of its planes is the same. */
function isGrey({ source }: FrameToSee): boolean {
  if (!('layouts' in source)) return false
  const { width, height, bytes } = source
  return bytes.subarray(0, (3 * width * height) / 2).every((sample) => sample === 128)
}

/**
 * For each frame that is given to a tower from now on, whether it is grey: looked at at once, since it is given away.
 * @param onFrame  called at each
 */
function watchFrames(onFrame = () => {}): boolean[] {
  const grey: boolean[] = []
  const see = TowerLanes.prototype.see
  vi.spyOn(TowerLanes.prototype, 'see').mockImplementation(function (this: TowerLanes, frame) {
    grey.push(isGrey(frame))
    onFrame()
    return see.call(this, frame)
  })
  return grey
}

describe('while the person chooses a clip', () => {
  beforeEach(() => {
    // On a page Chromium writes JPEGs when it has nothing else to do, which in a page of tests it may wait a second for.
    vi.spyOn(OffscreenCanvas.prototype, 'convertToBlob').mockImplementation(async () => new Blob())
  })

  test('the encoder runs grey frames, and leaves nothing behind', async () => {
    const seen = watchFrames()
    const engine = new VisionEngine()
    await engine.load({ packUrl, backend: 'wasm' }, () => undefined)
    expect(seen).toEqual([])
    await expect.poll(() => seen.length).toBe(2)
    // What else there is waits until the language worker has loaded too.
    while (await engine.warmUp());
    expect(seen).toEqual([true, true])
    const { tensor, 'video-frame': frames } = engine.ledger()
    expect([tensor, frames]).toEqual([undefined, undefined])
  })

  test('a clip that is there at once is not kept waiting', async () => {
    const seen = watchFrames()
    const engine = new VisionEngine()
    const file = await fetchFile('/tests/fixtures/clips/vp9.webm')
    const loading = engine.load({ packUrl, backend: 'wasm' }, () => undefined)
    const options = { clipId: 'a', name: file.name }
    let frames = 0
    for await (const event of engine.encode(file, options, new AbortController().signal)) {
      if (event.type === 'frame') frames += 1
    }
    await loading
    expect(frames).toBe(3)
    expect(seen).toHaveLength(frames)
  })

  test('a clip that comes meanwhile waits for no further grey frame', async () => {
    let seen: boolean[] = []
    const first = new Promise<void>((resolve) => {
      seen = watchFrames(resolve)
    })
    const engine = new VisionEngine()
    const file = await fetchFile('/tests/fixtures/clips/vp9.webm')
    await engine.load({ packUrl, backend: 'wasm' }, () => undefined)
    await first
    for await (const _ of engine.encode(file, { clipId: 'a', name: file.name }, new AbortController().signal));
    expect(seen).toEqual([true, false, false, false])
  })
})
