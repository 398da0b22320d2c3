/** The tower in workers: who gets which frame, what comes back, and what becomes of a worker that breaks. */
import { afterEach, expect, test } from 'vitest'
import { openPack } from '../../workers/packs/source'
import { Ledger } from '../../workers/runtime/ledger'
import { limitThreads } from '../../workers/runtime/ort'
import { type Resize, upright } from '../../workers/vision/geometry'
import { type FrameToSee, TowerLane } from '../../workers/vision/tower-lane'
import { TowerLanes } from '../../workers/vision/tower-lanes'
import { tinyPackUrl } from './language-tiny'
import { largestGap } from './largest-gap'
import { codeOf } from './vision-support'

const Native = Worker
const NativeChannel = MessageChannel
const workers: Worker[] = []
/** How often each worker was asked something, by the channel that was made for it. */
const asked: number[] = []
/** Remembers the workers that are made from now on. */
function watchWorkers(): void {
  globalThis.MessageChannel = class extends NativeChannel {
    constructor() {
      super()
      const index = asked.push(0) - 1
      const post = this.port1.postMessage.bind(this.port1) as (...message: unknown[]) => void
      this.port1.postMessage = (...message: unknown[]) => {
        asked[index] = (asked[index] ?? 0) + 1
        post(...message)
      }
    }
  }
  globalThis.Worker = class extends Native {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options)
      workers.push(this)
    }
  }
}
afterEach(() => {
  globalThis.Worker = Native
  globalThis.MessageChannel = NativeChannel
  workers.length = 0
  asked.length = 0
})

async function packOf(name: string) {
  const { manifest, file } = await openPack(tinyPackUrl(name))
  return { manifest, tower: await file(manifest.tower.file) }
}

/** A picture of 20 x 10 whose pixels depend on `seed`; a new one each time, since a frame is given away. */
function frameOf(seed: number, size: number): FrameToSee {
  const data = Uint8ClampedArray.from({ length: 4 * 20 * 10 }, (_, at) =>
    at % 4 === 3 ? 255 : (at * (seed + 3)) % 256,
  )
  const resize: Resize = { width: size, height: size, left: 0, top: 0, size }
  return { source: { width: 20, height: 10, data }, orientation: upright, resize, smallSize: { width: 4, height: 2 } }
}

test('frames are shared among the workers and come back as one tower would give them', async () => {
  const pack = await packOf('tiny-retrieval')
  const { inputSize, gridTokens, width } = pack.manifest.tower
  const ledger = new Ledger()
  watchWorkers()
  const lanes = await TowerLanes.open(ledger, pack)
  expect(workers).toHaveLength(1)
  await Promise.all([lanes.grow(), lanes.grow()])
  expect(workers).toHaveLength(Math.min(2, navigator.hardwareConcurrency))
  expect(ledger.snapshot()).toEqual({ session: 1 })

  asked.fill(0)
  const seeds = [0, 1, 2, 3, 4, 5]
  const together = await Promise.all(seeds.map((seed) => lanes.see(frameOf(seed, inputSize))))
  expect(asked).toEqual(workers.map(() => seeds.length / workers.length))

  const alone = await TowerLane.open(pack)
  for (const [seed, seen] of together.entries()) {
    const expected = await alone.see(frameOf(seed, inputSize))
    expect(seen.patches).toHaveLength(gridTokens * width)
    expect(largestGap(seen.patches, expected.patches)).toBeLessThan(1e-5)
    expect(largestGap(seen.cls, expected.cls)).toBeLessThan(1e-5)
    expect(largestGap(seen.vectors, expected.vectors)).toBeLessThan(1e-5)
    expect(seen.small).toEqual(expected.small)
  }
  await alone.tower.dispose()
  lanes.dispose()
  expect(ledger.snapshot()).toEqual({})
})

test('a worker that breaks takes its frames with it; the next frame gets another', async () => {
  const pack = await packOf('tiny-mean')
  const { inputSize } = pack.manifest.tower
  const ledger = new Ledger()
  watchWorkers()
  const lanes = await TowerLanes.open(ledger, pack)
  const lost = codeOf(lanes.see(frameOf(0, inputSize)))
  workers[0]?.dispatchEvent(new ErrorEvent('error'))
  expect(await lost).toBe('worker-died')
  // However many come before it is open.
  const next = await Promise.all([0, 1, 2].map((seed) => lanes.see(frameOf(seed, inputSize))))
  expect(next.map(({ small }) => small.data.length)).toEqual([32, 32, 32])
  expect(workers).toHaveLength(2)

  const unfinished = codeOf(lanes.see(frameOf(1, inputSize)))
  lanes.dispose()
  expect(await unfinished).toBe('worker-died')
  expect(ledger.snapshot()).toEqual({})
})

test('where no worker may be started the tower runs here', async () => {
  const pack = await packOf('tiny-mean')
  const { inputSize } = pack.manifest.tower
  const ledger = new Ledger()
  watchWorkers()
  limitThreads(1)
  try {
    const lanes = await TowerLanes.open(ledger, pack)
    await lanes.grow()
    const [one, two] = await Promise.all([lanes.see(frameOf(0, inputSize)), lanes.see(frameOf(1, inputSize))])
    expect([one.small.data.length, two.small.data.length]).toEqual([32, 32])
    expect(workers).toEqual([])
    lanes.dispose()
    expect(ledger.snapshot()).toEqual({})
  } finally {
    limitThreads(4)
  }
})
