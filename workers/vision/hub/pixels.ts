/** The input of a hub's vision encoder: float32 [slots, 3, size, size], on the CPU or on a GPU. */
import type { HubFrames } from '../../packs/hub/config'
import type { Backend, FrameRoute } from '../../protocol'
import { GpuBuffers } from '../../runtime/buffers'
import type { Ledger } from '../../runtime/ledger'
import type { TakenFrame } from '../encoder'
import { planResize } from '../geometry'
import type { MediaFrame } from '../media-frame'
import type { GpuPreprocessor } from '../preprocess'
import { preprocessReference } from '../reference/resample'
import { shrunk } from '../reference/shrink'
import { smallSize } from '../thumbnail'
import { readBuffer } from '../tower'
import { readPixels } from '../wasm-encoder'

export type Pixels = {
  /** Prepares a frame in `slot`; it may be closed when this resolves. */
  write(media: MediaFrame, slot: number, forced?: FrameRoute): Promise<TakenFrame>
  /** The first `count` slots, where the tower wants them. */
  read(count: number): Promise<Float32Array<ArrayBuffer> | GPUBuffer>
  dispose(): void
}

/** One frame at a time. */
export class CpuPixels implements Pixels {
  readonly #values: Float32Array<ArrayBuffer>

  constructor(
    readonly frames: HubFrames,
    readonly ledger: Ledger,
  ) {
    this.#values = new Float32Array(3 * frames.inputSize ** 2)
  }

  async write(media: MediaFrame, slot: number, forced?: FrameRoute): Promise<TakenFrame> {
    if (slot > 0) throw new RangeError('on the CPU there is room for one frame')
    const { pixels, orientation, route } = await readPixels(media, this.ledger, forced)
    preprocessReference(pixels, orientation, planResize(media.shown, this.frames), this.frames, this.#values)
    const { width, height } = smallSize(media.shown, orientation)
    const small = { width, height, data: shrunk(pixels, width, height) }
    return { route, read: Promise.resolve({ small, orientation }) }
  }

  async read(): Promise<Float32Array<ArrayBuffer>> {
    return this.#values
  }

  dispose(): void {}
}

export class GpuPixels implements Pixels {
  readonly #buffers: GpuBuffers
  readonly #values: GPUBuffer

  constructor(
    readonly device: GPUDevice,
    readonly preprocessor: GpuPreprocessor,
    readonly frames: HubFrames,
    slots: number,
    readonly towerOn: Backend,
    readonly ledger: Ledger,
  ) {
    this.#buffers = new GpuBuffers(device, ledger, 'gpu-buffer')
    this.#values = this.#buffers.storage('pixels', 4 * slots * 3 * frames.inputSize ** 2)
  }

  async write(media: MediaFrame, slot: number, forced?: FrameRoute): Promise<TakenFrame> {
    const resize = planResize(media.shown, this.frames)
    return { route: await this.preprocessor.write(media, resize, this.#values, slot, forced), read: null }
  }

  async read(count: number): Promise<Float32Array<ArrayBuffer> | GPUBuffer> {
    if (this.towerOn === 'webgpu') return this.#values
    return readBuffer(this.device, this.ledger, this.#values, 4 * count * 3 * this.frames.inputSize ** 2)
  }

  dispose(): void {
    this.preprocessor.release()
    this.#buffers.dispose()
  }
}
