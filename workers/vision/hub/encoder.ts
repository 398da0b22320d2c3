/**
 * A hub's vision encoder behind the calls of our own: frames prepared by our kernels or their TypeScript, encoded in
 * batches, pooled in the way that the clip was asked for.
 */
import type { HubFrames, HubModel } from '../../packs/hub/config'
import type { HubGraph } from '../../packs/hub/graphs'
import type { HubPooling } from '../../packs/hub/tokens'
import type { Backend, FrameRoute } from '../../protocol'
import { withinMemory } from '../../runtime/buffers'
import type { GpuDevice } from '../../runtime/device'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import { type EncodedTokens, type Encoder, type EncoderJob, splitTokens, type TakenFrame } from '../encoder'
import type { MediaFrame } from '../media-frame'
import { GpuPreprocessor } from '../preprocess'
import { CpuPixels, GpuPixels, type Pixels } from './pixels'
import { clipRows, type FrameFeatures, frameImportance, frameVectors } from './pooling'
import { HubTower } from './tower'

/** Frames that one run on a GPU takes. */
const gpuBatch = 4

type OnGpu = { readonly gpu: GpuDevice; readonly preprocessor: GpuPreprocessor }

export class HubEncoder implements Encoder {
  private constructor(
    readonly ledger: Ledger,
    readonly frames: HubFrames,
    readonly tower: HubTower,
    /** null: it all happens on the CPU. */
    readonly onGpu: OnGpu | null,
    readonly towerOn: Backend,
  ) {}

  /** Errors: as openSession */
  static async onCpu(ort: OrtModule, ledger: Ledger, model: HubModel, graph: HubGraph): Promise<HubEncoder> {
    const tower = await HubTower.create(ort, ledger, graph, model, null)
    return new HubEncoder(ledger, model.frames, tower, null, 'wasm')
  }

  /**
   * Owns `gpu` once this resolves. The tower alone may run on the CPU; its input is then read back.
   * Errors: as openSession
   */
  static async onGpu(
    ort: OrtModule,
    gpu: GpuDevice,
    ledger: Ledger,
    model: HubModel,
    graph: HubGraph,
    towerOn: Backend,
  ): Promise<HubEncoder> {
    const { device } = gpu
    const { frames } = model
    const tower = await HubTower.create(ort, ledger, graph, model, towerOn === 'webgpu' ? device : null)
    try {
      const preprocessor = await GpuPreprocessor.create(device, ledger, frames.inputSize, frames)
      return new HubEncoder(ledger, frames, tower, { gpu, preprocessor }, towerOn)
    } catch (thrown) {
      await tower.dispose()
      throw thrown
    }
  }

  get backend(): Backend {
    return this.onGpu ? 'webgpu' : 'wasm'
  }

  get adapter(): string {
    if (!this.onGpu) return 'CPU'
    const { adapterName } = this.onGpu.gpu
    return this.towerOn === 'webgpu' ? adapterName : `${adapterName}, tower on the CPU`
  }

  get batch(): number {
    // On the CPU a run blocks this thread: one frame at a time keeps "stop" within one step.
    return this.towerOn === 'webgpu' ? gpuBatch : 1
  }

  /** These encoders are large: on the CPU a black frame would take as long as one that counts. */
  readonly idleWarmUp = []

  async begin(_frames: number, pooling: HubPooling = 'own'): Promise<EncoderJob> {
    if (!this.onGpu) return new HubJob(this, new CpuPixels(this.frames, this.ledger), pooling)
    const { gpu, preprocessor } = this.onGpu
    const { frames, batch, towerOn, ledger } = this
    const make = () => new GpuPixels(gpu.device, preprocessor, frames, batch, towerOn, ledger)
    return new HubJob(this, await withinMemory(gpu.device, 'frame buffers', make), pooling)
  }

  /** One full batch of black: the runtime compiles its shaders at the first run of each shape. */
  async warmUp(): Promise<void> {
    if (!this.onGpu || this.towerOn !== 'webgpu') return
    const { gpu, preprocessor } = this.onGpu
    const pixels = new GpuPixels(gpu.device, preprocessor, this.frames, this.batch, this.towerOn, this.ledger)
    try {
      await this.tower.features(this.batch, await pixels.read(this.batch))
    } finally {
      pixels.dispose()
    }
  }

  async dispose(): Promise<void> {
    this.onGpu?.preprocessor.dispose()
    await this.tower.dispose()
    this.onGpu?.gpu.dispose()
  }
}

class HubJob implements EncoderJob {
  readonly #runs: FrameFeatures[] = []
  #pending = 0

  constructor(
    readonly owner: HubEncoder,
    readonly pixels: Pixels,
    readonly pooling: HubPooling,
  ) {}

  async add(media: MediaFrame, forced?: FrameRoute): Promise<TakenFrame> {
    const taken = await this.pixels.write(media, this.#pending, forced)
    this.#pending += 1
    return taken
  }

  /** Vectors that stand for the frames, of length 1; they compare with each other, and with no text. */
  async run(): Promise<Float32Array<ArrayBuffer>[]> {
    const count = this.#pending
    if (count === 0) return []
    const features = await this.owner.tower.features(count, await this.pixels.read(count))
    this.#pending = 0
    this.#runs.push(features)
    return frameVectors(features, this.owner.frames)
  }

  async finish(): Promise<EncodedTokens> {
    const features = joined(this.#runs)
    const { frames: shape } = this.owner
    const importance = this.pooling === 'importance' ? frameImportance(features, null) : undefined
    const rows = clipRows(features, shape, this.pooling, importance)
    // A pooled clip has a token a frame after its patches.
    const single = this.pooling !== 'own' && features.frames > 1 ? features.frames : 0
    return splitTokens(rows, rows.length / features.width - single, features.width)
  }

  dispose(): void {
    this.#runs.length = 0
    this.pixels.dispose()
  }
}

/** The features of several runs as those of one. */
function joined(runs: readonly FrameFeatures[]): FrameFeatures {
  const rows = new Float32Array(runs.reduce((sum, run) => sum + run.rows.length, 0))
  let at = 0
  for (const run of runs) {
    rows.set(run.rows, at)
    at += run.rows.length
  }
  const { tokens = 0, width = 1 } = runs[0] ?? {}
  return { rows, frames: runs.reduce((sum, run) => sum + run.frames, 0), tokens, width }
}
