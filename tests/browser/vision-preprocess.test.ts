/** preprocess.wgsl and planes.wgsl against their TypeScript reference, over every route of a frame to the GPU. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { FrameRoute } from '../../workers/protocol'
import type { Orientation, Resize, Rotation } from '../../workers/vision/geometry'
import { largestGap } from './largest-gap'
import { asMedia, type Bench, byReference, onCpu, onGpu, openBench, rgbaFrame, squash, yuvFrame } from './vision-frames'

const everyRoute: readonly FrameRoute[] = ['external-texture', 'planes', 'image-bitmap', 'canvas']
/** In codes of 0 to 255; decision 2 of the design. */
const tolerance = 2
/** Chromium imports these with other numbers than it tells, so that the route refuses them (routes.ts). */
const notImported: readonly (string | null)[] = ['I422', 'I444', 'I420P10']

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
}, 120_000)
afterAll(() => {
  bench.preprocessor.dispose()
  bench.gpu.dispose()
  expect(bench.ledger.snapshot()).toEqual({})
})

/** Every route against the reference, on the GPU and without one. */
async function expectRoutes(frame: VideoFrame, { orientation, resize = squash }: Options = {}): Promise<void> {
  const media = asMedia(frame, bench.ledger, orientation)
  try {
    const reference = await byReference(media, resize)
    for (const route of everyRoute) {
      if (route === 'external-texture' && notImported.includes(frame.format)) {
        await expect(onGpu(bench, media, resize, route)).rejects.toThrow('external-texture does not take')
        continue
      }
      const { taken, codes } = await onGpu(bench, media, resize, route)
      expect(taken).toBe(route)
      expect(largestGap(codes, reference), route).toBeLessThanOrEqual(tolerance)
    }
    for (const route of ['canvas', 'image-bitmap'] as const) {
      const codes = await onCpu(bench.ledger, media, resize, route)
      expect(largestGap(codes, reference), `${route} without a GPU`).toBeLessThanOrEqual(tolerance)
    }
  } finally {
    media.close()
  }
}
type Options = { orientation?: Orientation; resize?: Resize }

describe('colour', () => {
  const spaces: readonly VideoColorSpaceInit[] = (['smpte170m', 'bt470bg', 'bt709'] as const).flatMap((matrix) =>
    [false, true].map((fullRange) => ({
      matrix,
      primaries: matrix,
      transfer: matrix === 'bt470bg' ? 'bt709' : matrix,
      fullRange,
    })),
  )
  for (const format of ['I420', 'NV12', 'I420A', 'I422', 'I444', 'I420P10'] as const) {
    test.each(spaces)(`${format} $matrix, full range $fullRange`, async (colorSpace) => {
      await expectRoutes(yuvFrame(format, { width: 160, height: 96 }, { colorSpace }))
    })
  }

  test.each(['I422', 'I444', 'I420P10'] as const)('%s goes over its planes of its own accord', async (format) => {
    const media = asMedia(yuvFrame(format, { width: 64, height: 36 }), bench.ledger)
    expect((await onGpu(bench, media, squash)).taken).toBe('planes')
    media.close()
  })

  test('colours outside the gamut are clamped, not carried on', async () => {
    const colorSpace: VideoColorSpaceInit = {
      matrix: 'smpte170m',
      primaries: 'smpte170m',
      transfer: 'smpte170m',
      fullRange: false,
    }
    for (const [y, u, v] of [
      [145, 54, 34],
      [81, 90, 240],
      [41, 240, 110],
      [235, 16, 16],
    ] as const) {
      const data = new Uint8Array(16 * 16 * 1.5).fill(y, 0, 256).fill(u, 256, 320).fill(v, 320)
      const frame = new VideoFrame(data, { format: 'I420', codedWidth: 16, codedHeight: 16, timestamp: 0, colorSpace })
      await expectRoutes(frame)
    }
  })
})

describe('size', () => {
  test.each([
    [321, 181],
    [64, 36],
    [1, 1],
    [2, 300],
    [1920, 1080],
  ])('%i x %i', async (width, height) => {
    await expectRoutes(yuvFrame('I420', { width, height }))
  })

  test('centre crop of a wide and of a tall picture', async () => {
    await expectRoutes(yuvFrame('NV12', { width: 480, height: 270 }), {
      resize: { width: 455, height: 256, left: 116, top: 16, size: 224 },
    })
    await expectRoutes(yuvFrame('NV12', { width: 200, height: 350 }), {
      resize: { width: 256, height: 448, left: 16, top: 112, size: 224 },
    })
  })

  test('only the visible part of the coded picture counts', async () => {
    const visibleRect = { x: 16, y: 8, width: 100, height: 60 }
    await expectRoutes(yuvFrame('I420', { width: 160, height: 96 }, { visibleRect }))
  })

  test('non-square pixels: the picture squashes to the same, whatever its display size', async () => {
    await expectRoutes(yuvFrame('I420', { width: 320, height: 360 }, { displayWidth: 640, displayHeight: 360 }))
  })
})

describe('other filters than the triangle', () => {
  test.each(['bicubic-antialias', 'lanczos-antialias'] as const)('%s, smaller and larger', async (filter) => {
    const other = await openBench(filter)
    try {
      for (const [width, height] of [
        [641, 361],
        [64, 36],
      ] as const) {
        const media = asMedia(yuvFrame('I420', { width, height }), other.ledger)
        const reference = await byReference(media, squash, filter)
        const { codes } = await onGpu(other, media, squash, 'planes')
        expect(largestGap(codes, reference), `${width} x ${height}`).toBeLessThanOrEqual(tolerance)
        media.close()
      }
    } finally {
      other.preprocessor.dispose()
      other.gpu.dispose()
    }
    expect(other.ledger.snapshot()).toEqual({})
  })
})

describe('rotation has one owner', () => {
  const orientations = ([0, 90, 180, 270] as const).flatMap((rotation) =>
    [false, true].map((flip) => ({ rotation, flip })),
  )
  test.each(orientations)('the container asks for $rotation, flip $flip', async (orientation) => {
    await expectRoutes(yuvFrame('I420', { width: 180, height: 120 }), { orientation })
  })

  test.each([90, 180, 270] as const)(
    'the frame itself carries %i degrees, which the browser applies',
    async (rotation: Rotation) => {
      const frame = yuvFrame('I420', { width: 180, height: 120 }, { rotation } as Partial<VideoFrameBufferInit>)
      await expectRoutes(frame, { orientation: { rotation, flip: false } })
    },
  )
})

describe('batches and pictures', () => {
  test('a slot is written without touching those before it', async () => {
    const media = asMedia(rgbaFrame({ width: 40, height: 30 }), bench.ledger)
    const { codes, before } = await onGpu(bench, media, squash, 'external-texture', 3)
    expect(before.every((value) => value === 0)).toBe(true)
    expect(largestGap(codes, await byReference(media, squash))).toBeLessThanOrEqual(tolerance)
    media.close()
  })

  test('transparency lies on white on every route', async () => {
    await expectRoutes(rgbaFrame({ width: 90, height: 60 }, (x) => Math.min(255, x * 3)))
  })

  test('a forced route that cannot be taken fails instead of taking another', async () => {
    const media = asMedia(rgbaFrame({ width: 8, height: 8 }), bench.ledger)
    media.close()
    await expect(onGpu(bench, media, squash, 'external-texture')).rejects.toThrow()
  })
})
