/** The encoder without a GPU: pixels and pooling in TypeScript (the kernels' own reference), the tower in WASM. */
import type { FrameRoute } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'
import type { EncodedTokens, Encoder, EncoderJob, TakenFrame, VisionPack } from './encoder'
import { type Orientation, planResize } from './geometry'
import { greyFrame } from './grey-frame'
import type { MediaFrame } from './media-frame'
import { readPlanes } from './planes'
import { planesToRgba } from './reference/planes'
import { visualTokensReference } from './reference/pooling'
import { preprocessReference, type Rgba } from './reference/resample'
import { displaySize, drawable, drawFrame, orientationFor, routesFor } from './routes'
import { thumbnailOf } from './thumbnail'
import { Tower } from './tower'

/** After so many, V8 has optimised all kernels of the tower: it takes a tenth of its first run's CPU time, half of its third's. */
const warmUpFrames = 16
const wasmRoutes: readonly FrameRoute[] = ['planes', 'canvas', 'image-bitmap']

export class WasmEncoder implements Encoder {
  readonly backend = 'wasm'
  readonly adapter = 'CPU'
  // A run blocks this thread, so one frame at a time keeps "stop" within one step.
  readonly batch = 1

  private constructor(
    readonly ledger: Ledger,
    readonly pack: VisionPack,
    readonly tower: Tower,
  ) {}

  static async create(ort: OrtModule, ledger: Ledger, pack: VisionPack): Promise<WasmEncoder> {
    return new WasmEncoder(ledger, pack, await Tower.create(ort, ledger, pack, null))
  }

  async begin(): Promise<EncoderJob> {
    return new WasmJob(this)
  }

  /**
   * Grey frames, from their pixels to vector and thumbnail: the browser compiles what they run through at its first call and
   * optimises it part by part in the next.
   */
  get idleWarmUp() {
    const frame = async () => {
      const media = greyFrame(this.ledger)
      const job = await this.begin()
      try {
        const { read } = await job.add(media)
        if (read) await thumbnailOf(read, media)
        await job.run()
      } finally {
        job.dispose()
        media.close()
      }
    }
    return Array.from({ length: warmUpFrames }, () => frame)
  }

  async warmUp(): Promise<void> {}

  async dispose(): Promise<void> {
    await this.tower.dispose()
  }
}

class WasmJob implements EncoderJob {
  readonly #patches: Float32Array[] = []
  readonly #cls: Float32Array<ArrayBuffer>[] = []
  #pixels: Float32Array<ArrayBuffer> | undefined

  constructor(readonly owner: WasmEncoder) {}

  async add(media: MediaFrame, forced?: FrameRoute): Promise<TakenFrame> {
    const { tower } = this.owner.pack.manifest
    const { pixels, orientation, route } = await readPixels(media, this.owner.ledger, forced)
    this.#pixels = new Float32Array(3 * tower.inputSize ** 2)
    const resize = planResize(media.shown, tower)
    preprocessReference(pixels, orientation, resize, tower, this.#pixels)
    return { route, read: { pixels, orientation } }
  }

  async run(): Promise<Float32Array<ArrayBuffer>[]> {
    if (!this.#pixels) return []
    const { patches, cls, vectors } = await this.owner.tower.runArrays(1, this.#pixels)
    this.#pixels = undefined
    this.#patches.push(patches)
    this.#cls.push(cls)
    return [vectors]
  }

  async finish(): Promise<EncodedTokens> {
    const { manifest, tensors } = this.owner.pack
    const { gridTokens: patches, width } = manifest.tower
    const shape = { frames: this.#cls.length, patches, width }
    return visualTokensReference(join(this.#patches), join(this.#cls), shape, manifest.pooling, tensors)
  }

  dispose(): void {
    this.#patches.length = 0
    this.#cls.length = 0
    this.#pixels = undefined
  }
}

/** The frame's pixels, not yet turned, and the turn that its route leaves to us. */
export async function readPixels(
  media: MediaFrame,
  ledger: Ledger,
  forced?: FrameRoute,
): Promise<{ pixels: Rgba; orientation: Orientation; route: FrameRoute }> {
  for (const route of routesFor(media, wasmRoutes, forced)) {
    if (route !== 'planes') return { ...(await drawnPixels(media, ledger, route)), route }
    const planes = await readPlanes(media.frame)
    if (planes) return { pixels: planesToRgba(planes), orientation: orientationFor(media, route), route }
  }
  throw new Error(`route ${forced} does not exist without a GPU for format ${media.frame.format}`)
}

async function drawnPixels(
  media: MediaFrame,
  ledger: Ledger,
  route: FrameRoute,
): Promise<{ pixels: Rgba; orientation: Orientation }> {
  const picture = await drawable(media, ledger)
  try {
    const { frame } = picture
    const orientation = orientationFor(picture, route)
    if (route === 'canvas') return { pixels: imageData(drawFrame(frame, displaySize(frame), true)), orientation }
    const bitmap = await createImageBitmap(frame)
    const uncount = ledger.open('image-bitmap')
    try {
      return { pixels: imageData(drawFrame(bitmap, bitmap, true)), orientation }
    } finally {
      bitmap.close()
      uncount()
    }
  } finally {
    picture.close()
  }
}

function imageData(canvas: OffscreenCanvas): Rgba {
  const { width, height } = canvas
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D
  return { width, height, data: context.getImageData(0, 0, width, height).data }
}

function join(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
