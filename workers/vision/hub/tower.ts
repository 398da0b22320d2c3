/**
 * `vision_encoder` of a hub's repository: frames as our preprocessing writes them, [count, 3, size, size], to the features
 * of each. On the GPU the pixels stay where they are; only the features come back.
 */
import type { InferenceSession } from 'onnxruntime-web'
import type { HubModel } from '../../packs/hub/config'
import type { HubGraph } from '../../packs/hub/graphs'
import { openSession } from '../../packs/hub/session'
import { floatsOf } from '../../packs/hub/tensors'
import { GpuBuffers } from '../../runtime/buffers'
import { Kernels } from '../../runtime/kernels'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import patchesCode from './patches.wgsl?raw'
import type { FrameFeatures } from './pooling'

type Tensor = InstanceType<OrtModule['Tensor']>
type Feeds = Record<string, Tensor>

export class HubTower {
  readonly #close: () => void

  private constructor(
    readonly ort: OrtModule,
    readonly ledger: Ledger,
    readonly session: InferenceSession,
    readonly model: HubModel,
    readonly device: GPUDevice | null,
    readonly patches: Kernels<'main'> | null,
    weightBytes: number,
  ) {
    this.#close = ledger.open('session', device ? weightBytes : 0)
  }

  /** A session on `device`, or on the CPU for null. Errors: as openSession */
  static async create(
    ort: OrtModule,
    ledger: Ledger,
    graph: HubGraph,
    model: HubModel,
    device: GPUDevice | null,
  ): Promise<HubTower> {
    const session = await openSession(ort, graph, device ? { name: 'webgpu', device } : 'wasm')
    const { inputSize: size, patch } = model.frames
    const cutting = device && patch && Kernels.compile(device, patchesCode, ['main'], { size, side: patch })
    const kernels = await Promise.resolve(cutting || null).catch(async (thrown: unknown) => {
      await session.release()
      throw thrown
    })
    const weightBytes = graph.beside.reduce((sum, { data }) => sum + data.length, graph.bytes.length)
    return new HubTower(ort, ledger, session, model, device, kernels, weightBytes)
  }

  /**
   * The features of `count` frames.
   * @param pixels  float32 [count, 3, size, size]; a buffer of the device's where the session runs there
   */
  async features(count: number, pixels: Float32Array<ArrayBuffer> | GPUBuffer): Promise<FrameFeatures> {
    const scratch = this.device && new GpuBuffers(this.device, this.ledger, 'gpu-buffer')
    const uncount = this.ledger.open('tensor')
    let feeds: Feeds = {}
    try {
      feeds = this.#feeds(count, pixels, scratch)
      const { image_features, ...rest } = await this.session.run(feeds)
      const rows = floatsOf(image_features)
      const width = this.model.text.hiddenSize
      for (const tensor of [image_features, ...Object.values(rest)]) tensor?.dispose()
      return { rows, frames: count, tokens: rows.length / width / count, width }
    } finally {
      for (const tensor of Object.values(feeds)) tensor.dispose()
      uncount()
      scratch?.dispose()
    }
  }

  async dispose(): Promise<void> {
    // A session whose device is gone may refuse; it is gone all the same.
    await this.session.release().catch(() => undefined)
    this.#close()
  }

  /** What the graph asks for of: pixels, which of them count (all: no frame is padded), and the shape of the patches. */
  #feeds(count: number, pixels: Float32Array<ArrayBuffer> | GPUBuffer, scratch: GpuBuffers | null): Feeds {
    const { inputSize: size, patch } = this.model.frames
    const wants = (name: string) => this.session.inputNames.includes(name)
    const { Tensor } = this.ort
    if (patch) {
      const side = size / patch
      const places = side * side
      const shape = new BigInt64Array(2 * count).fill(BigInt(side))
      return {
        pixel_values: this.#pixels(this.#inPatches(count, pixels, patch, scratch), [count, places, 3 * patch * patch]),
        pixel_attention_mask: new Tensor('int64', new BigInt64Array(count * places).fill(1n), [count, places]),
        spatial_shapes: new Tensor('int64', shape, [count, 2]),
      }
    }
    // SmolVLM's encoder takes several pictures of one prompt, and says so by a dimension of its own.
    if (!wants('pixel_attention_mask')) return { pixel_values: this.#pixels(pixels, [count, 3, size, size]) }
    return {
      pixel_values: this.#pixels(pixels, [1, count, 3, size, size]),
      pixel_attention_mask: new Tensor('bool', new Uint8Array(count * size * size).fill(1), [1, count, size, size]),
    }
  }

  #pixels(pixels: Float32Array<ArrayBuffer> | GPUBuffer, dims: readonly number[]): Tensor {
    if (pixels instanceof Float32Array) return new this.ort.Tensor('float32', pixels, dims)
    return this.ort.Tensor.fromGpuBuffer(pixels, { dataType: 'float32', dims })
  }

  #inPatches(
    count: number,
    pixels: Float32Array<ArrayBuffer> | GPUBuffer,
    patch: number,
    scratch: GpuBuffers | null,
  ): Float32Array<ArrayBuffer> | GPUBuffer {
    const { inputSize: size } = this.model.frames
    if (pixels instanceof Float32Array) return patchRows(pixels, count, size, patch)
    if (!this.device || !this.patches || !scratch)
      throw new TypeError('pixels on a GPU for a session that is not there')
    const values = count * 3 * size * size
    const rows = scratch.storage('patches', 4 * values)
    const groups = Math.ceil(values / 64)
    const wide = Math.min(groups, 65_535)
    const encoder = this.device.createCommandEncoder({ label: 'patches' })
    this.patches.run(encoder, 'main', { 0: pixels, 1: rows }, [wide, Math.ceil(groups / wide)])
    this.device.queue.submit([encoder.finish()])
    return rows
  }
}

/** patches.wgsl in plain TypeScript: [count, 3, size, size] -> [count, (size / patch)², patch · patch · 3]. */
export function patchRows(pixels: Float32Array, count: number, size: number, patch: number): Float32Array<ArrayBuffer> {
  const across = size / patch
  const rows = new Float32Array(count * 3 * size * size)
  let at = 0
  for (let picture = 0; picture < count; picture++) {
    for (let place = 0; place < across * across; place++) {
      const [top, left] = [Math.floor(place / across) * patch, (place % across) * patch]
      for (let inside = 0; inside < patch * patch; inside++) {
        const [row, column] = [top + Math.floor(inside / patch), left + (inside % patch)]
        for (let channel = 0; channel < 3; channel++) {
          rows[at++] = pixels[((picture * 3 + channel) * size + row) * size + column] ?? 0
        }
      }
    }
  }
  return rows
}
