/** The encoder without a GPU: pixels and tower in workers beside this one, pooling in TypeScript (the kernels' own reference). */
import type { FrameRoute } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import type { EncodedTokens, Encoder, EncoderJob, TakenFrame, VisionPack } from './encoder'
import { type Orientation, planResize } from './geometry'
import { greyFrame } from './grey-frame'
import type { MediaFrame } from './media-frame'
import { readPlanes } from './planes'
import { visualTokensReference } from './reference/pooling'
import type { Rgba } from './reference/resample'
import { displaySize, drawable, drawFrame, orientationFor, routesFor } from './routes'
import { smallSize, thumbnailOf } from './thumbnail'
import { type FrameSource, type SeenFrame, toRgba } from './tower-lane'
import { TowerLanes } from './tower-lanes'

/** The first takes twice as long as the third; a clip after sixteen was no sooner seen than one after none (docs/kv-cache.md). */
const warmUpFrames = 2
/** Opening the second worker took as much of the processor as about a dozen frames, by a throw-away script. */
const fewFrames = 16
const wasmRoutes: readonly FrameRoute[] = ['planes', 'canvas', 'image-bitmap']

export class WasmEncoder implements Encoder {
  readonly backend = 'wasm'
  readonly adapter = 'CPU'
  // One for each worker, and one that lies ready for whichever is done first.
  readonly batch = 3
  /** Whether there was a clip. */
  #hasBegun = false

  private constructor(
    readonly ledger: Ledger,
    readonly pack: VisionPack,
    readonly lanes: TowerLanes,
  ) {}

  static async create(ledger: Ledger, pack: VisionPack): Promise<WasmEncoder> {
    return new WasmEncoder(ledger, pack, await TowerLanes.open(ledger, pack))
  }

  async begin(frames: number): Promise<EncoderJob> {
    // A clip that comes before the second worker goes on with the first until it is there. Where it is the first of all and of
    // few frames, the second would only take the processor from it, and be there when it is done.
    if (this.#hasBegun || frames > fewFrames) void this.lanes.grow()
    this.#hasBegun = true
    return new WasmJob(this)
  }

  /**
   * Grey frames, from their pixels to tokens and thumbnail, because the browser compiles what they run through at its first
   * call; then the second worker.
   */
  get idleWarmUp() {
    const frame = async () => {
      const media = greyFrame(this.ledger)
      const job = new WasmJob(this)
      try {
        const { read } = await job.add(media)
        if (read) await thumbnailOf(read)
        await job.run()
        await job.finish()
      } finally {
        job.dispose()
        media.close()
      }
    }
    const frames = Array.from({ length: warmUpFrames }, () => frame)
    // Nobody waits for it: a clip that comes meanwhile has the first worker.
    const grow = async () => void this.warmUp()
    return [...frames, grow]
  }

  /** Opens all workers. */
  warmUp(): Promise<void> {
    return this.lanes.grow()
  }

  async dispose(): Promise<void> {
    this.lanes.dispose()
  }
}

class WasmJob implements EncoderJob {
  readonly #patches: Float32Array[] = []
  readonly #cls: Float32Array<ArrayBuffer>[] = []
  /** Frames that are being encoded, in the order they came. */
  #pending: Promise<SeenFrame>[] = []

  constructor(readonly owner: WasmEncoder) {}

  /** Encoding begins at once. */
  async add(media: MediaFrame, forced?: FrameRoute): Promise<TakenFrame> {
    const { lanes, ledger, pack } = this.owner
    const { source, orientation, route } = await readSource(media, ledger, forced)
    const seen = lanes.see({
      source,
      orientation,
      resize: planResize(media.shown, pack.manifest.tower),
      smallSize: smallSize(media.shown, orientation),
    })
    const read = seen.then(({ small }) => ({ small, orientation }))
    // Where the job ends before it is run, nobody waits for them.
    for (const unheard of [seen, read]) unheard.catch(() => undefined)
    this.#pending.push(seen)
    return { route, read }
  }

  /** The oldest frame's: those after it are being encoded meanwhile. */
  async run(): Promise<Float32Array<ArrayBuffer>[]> {
    const next = this.#pending.shift()
    if (!next) return []
    const { patches, cls, vectors } = await next
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
    this.#pending = []
  }
}

/** The frame's pixels, not yet turned, and the turn that its route leaves to us. */
export async function readPixels(
  media: MediaFrame,
  ledger: Ledger,
  forced?: FrameRoute,
): Promise<{ pixels: Rgba; orientation: Orientation; route: FrameRoute }> {
  const { source, ...rest } = await readSource(media, ledger, forced)
  return { pixels: toRgba(source), ...rest }
}

/** The same as the route brings them. */
async function readSource(
  media: MediaFrame,
  ledger: Ledger,
  forced?: FrameRoute,
): Promise<{ source: FrameSource; orientation: Orientation; route: FrameRoute }> {
  for (const route of routesFor(media, wasmRoutes, forced)) {
    if (route !== 'planes') {
      const { pixels: source, orientation } = await drawnPixels(media, ledger, route)
      return { source, orientation, route }
    }
    const source = await readPlanes(media.frame)
    if (source) return { source, orientation: orientationFor(media, route), route }
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
