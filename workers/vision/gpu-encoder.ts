/** The encoder on WebGPU: pixels, tower, pooling and projector on one device; only vectors and tokens are read back. */
import type { Backend, FrameRoute } from '../protocol'
import { GpuBuffers, withinMemory } from '../runtime/buffers'
import type { GpuDevice } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'
import {
  type EncodedTokens,
  type Encoder,
  type EncoderJob,
  splitTokens,
  type TakenFrame,
  type VisionPack,
} from './encoder'
import { planResize } from './geometry'
import type { MediaFrame } from './media-frame'
import { GpuPreprocessor } from './preprocess'
import { TokenHead } from './token-head'
import { readBuffer, Tower, vectorSize } from './tower'

export class GpuEncoder implements Encoder {
  readonly backend = 'webgpu'

  private constructor(
    readonly gpu: GpuDevice,
    readonly ledger: Ledger,
    readonly pack: VisionPack,
    readonly towerOn: Backend,
    readonly tower: Tower,
    readonly preprocessor: GpuPreprocessor,
    readonly head: TokenHead,
  ) {}

  /**
   * Builds session and kernels on `gpu`, which the encoder owns from then on and destroys in `dispose`. The tower alone
   * may run on the CPU (`towerOn`); its input is then read back and its outputs are uploaded again.
   */
  static async create(ort: OrtModule, gpu: GpuDevice, ledger: Ledger, pack: VisionPack, towerOn: Backend) {
    const { device } = gpu
    const { tower: shape, pooling } = pack.manifest
    const tower = await Tower.create(ort, ledger, pack, towerOn === 'webgpu' ? device : null)
    try {
      const [preprocessor, head] = await Promise.all([
        GpuPreprocessor.create(device, ledger, shape.inputSize, shape),
        TokenHead.create(device, ledger, pooling, pack.tensors),
      ])
      return new GpuEncoder(gpu, ledger, pack, towerOn, tower, preprocessor, head)
    } catch (thrown) {
      await tower.dispose()
      throw thrown
    }
  }

  get adapter(): string {
    return this.towerOn === 'webgpu' ? this.gpu.adapterName : `${this.gpu.adapterName}, tower on the CPU`
  }

  get batch(): number {
    // On the CPU a run blocks this thread: one frame at a time keeps "stop" within one step.
    return this.towerOn === 'webgpu' ? 4 : 1
  }

  begin(frames: number): Promise<EncoderJob> {
    return withinMemory(this.gpu.device, 'frame buffers', () => new GpuJob(this, frames))
  }

  /** A real GPU compiles in the time of a few frames, before it is said to be ready. */
  readonly idleWarmUp = []

  /** Compiles what the first clip would otherwise wait for. */
  async warmUp(): Promise<void> {
    if (this.towerOn !== 'webgpu') return
    const job = new GpuJob(this, this.batch)
    try {
      await job.warmUp()
    } finally {
      job.dispose()
    }
  }

  async dispose(): Promise<void> {
    this.preprocessor.dispose()
    this.head.dispose()
    await this.tower.dispose()
    this.gpu.dispose()
  }
}

class GpuJob implements EncoderJob {
  readonly #buffers: GpuBuffers
  readonly #pixels: GPUBuffer
  readonly #batchPatches: GPUBuffer
  readonly #batchCls: GPUBuffer
  /** CLIP vectors of the batch; undefined where `cls` is what we have of them. */
  readonly #batchEmbedding?: GPUBuffer
  readonly #patches: GPUBuffer
  readonly #cls: GPUBuffer
  #pending = 0
  #encoded = 0

  constructor(
    readonly owner: GpuEncoder,
    readonly frames: number,
  ) {
    const { tower } = owner.pack.manifest
    const { batch } = owner
    this.#buffers = new GpuBuffers(owner.gpu.device, owner.ledger, 'gpu-buffer')
    this.#pixels = this.#buffers.storage('pixels', 4 * batch * 3 * tower.inputSize ** 2)
    this.#batchPatches = this.#buffers.storage('batch patches', 4 * batch * tower.gridTokens * tower.width)
    this.#batchCls = this.#buffers.storage('batch cls', 4 * batch * tower.width)
    this.#patches = this.#buffers.storage('patches', 4 * frames * tower.gridTokens * tower.width)
    this.#cls = this.#buffers.storage('cls', 4 * frames * tower.width)
    if (tower.embeddingSize === undefined) return
    this.#batchEmbedding = this.#buffers.storage('batch embedding', 4 * batch * tower.embeddingSize)
  }

  async add(media: MediaFrame, forced?: FrameRoute): Promise<TakenFrame> {
    const { preprocessor, pack } = this.owner
    const resize = planResize(media.shown, pack.manifest.tower)
    return { route: await preprocessor.write(media, resize, this.#pixels, this.#pending++, forced), read: null }
  }

  async run(): Promise<Float32Array<ArrayBuffer>[]> {
    const count = this.#pending
    if (count === 0) return []
    const { gpu, pack, towerOn } = this.owner
    const { gridTokens, width, inputSize } = pack.manifest.tower
    const vectors =
      towerOn === 'webgpu' ? await this.#runOnDevice(count) : await this.#runOnCpu(count, 4 * 3 * inputSize ** 2)
    const encoder = gpu.device.createCommandEncoder({ label: 'collect' })
    const [frameBytes, clsBytes] = [4 * gridTokens * width, 4 * width]
    const into = this.#encoded
    encoder.copyBufferToBuffer(this.#batchPatches, 0, this.#patches, into * frameBytes, count * frameBytes)
    encoder.copyBufferToBuffer(this.#batchCls, 0, this.#cls, into * clsBytes, count * clsBytes)
    gpu.device.queue.submit([encoder.finish()])
    this.#encoded += count
    this.#pending = 0
    const size = vectorSize(pack.manifest.tower)
    return Array.from({ length: count }, (_, k) => vectors.slice(k * size, (k + 1) * size))
  }

  async finish(): Promise<EncodedTokens> {
    const { head, pack } = this.owner
    const { gridTokens: patches, width } = pack.manifest.tower
    const tokens = await head.tokens(this.#patches, this.#cls, { frames: this.#encoded, patches, width })
    return splitTokens(tokens, patches, head.hiddenSize)
  }

  /** One full batch of zeros: the runtime compiles its shaders at the first run of each shape. */
  async warmUp(): Promise<void> {
    await this.#runOnDevice(this.owner.batch)
  }

  dispose(): void {
    this.owner.preprocessor.release()
    this.#buffers.dispose()
  }

  /** Both give the batch's CLIP vectors and leave patches and cls in the batch's buffers. */
  async #runOnDevice(count: number): Promise<Float32Array<ArrayBuffer>> {
    const { gpu, ledger, tower } = this.owner
    await tower.runBound(count, this.#pixels, this.#batchPatches, this.#batchCls, this.#batchEmbedding)
    const bytes = 4 * count * vectorSize(tower.shape)
    return readBuffer(gpu.device, ledger, this.#batchEmbedding ?? this.#batchCls, bytes)
  }

  async #runOnCpu(count: number, frameBytes: number): Promise<Float32Array<ArrayBuffer>> {
    const { gpu, ledger, tower } = this.owner
    const pixels = await readBuffer(gpu.device, ledger, this.#pixels, count * frameBytes)
    const { patches, cls, vectors } = await tower.runArrays(count, pixels)
    gpu.device.queue.writeBuffer(this.#batchPatches, 0, patches)
    gpu.device.queue.writeBuffer(this.#batchCls, 0, cls)
    return vectors
  }
}
