/**
 * The image tower as an ONNX Runtime session: on the GPU with input and outputs bound to our buffers, or on the CPU with
 * arrays, where its convolutions run in kernels of our own (trunk/). Where it runs is decided apart from the kernels (backend.ts).
 */
import type { PackManifest } from '../packs/schema'
import { GpuBuffers } from '../runtime/buffers'
import { mapForReading } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'
import type { VisionPack } from './encoder'
import { type SplitTower, splitTower } from './trunk/open-trunk'

type Session = Awaited<ReturnType<OrtModule['InferenceSession']['create']>>
type Shape = PackManifest['tower']

export type TowerArrays = {
  readonly patches: Float32Array<ArrayBuffer>
  readonly cls: Float32Array<ArrayBuffer>
  /** [count, vectorSize]: CLIP vectors, the embedding where the tower has one, else a copy of `cls`. */
  readonly vectors: Float32Array<ArrayBuffer>
}

/** Length of a frame's CLIP vector. */
export const vectorSize = ({ embeddingSize, width }: Shape): number => embeddingSize ?? width

export class Tower {
  private constructor(
    readonly ort: OrtModule,
    readonly ledger: Ledger,
    readonly session: Session,
    /** What the session leaves out. */
    readonly split: SplitTower | null,
    readonly shape: Shape,
    readonly uncount: () => void,
  ) {}

  /** A session on `device`, or on the CPU for null. */
  static async create(
    ort: OrtModule,
    ledger: Ledger,
    { tower, manifest }: Pick<VisionPack, 'tower' | 'manifest'>,
    device: GPUDevice | null,
  ): Promise<Tower> {
    const executionProviders = device ? [{ name: 'webgpu' as const, device }] : ['wasm' as const]
    const split = device ? null : await splitTower(tower, 'pixels', manifest.tower.inputSize)
    const session = await ort.InferenceSession.create(split?.rest ?? tower, { executionProviders })
    const uncount = ledger.open('session', device ? tower.byteLength : 0)
    return new Tower(ort, ledger, session, split, manifest.tower, uncount)
  }

  /**
   * pixels [count, 3, size, size] to patches [count, P, D] and cls [count, D], all float32 buffers on our device; and to
   * `embedding` [count, E] where the tower has one.
   */
  async runBound(
    count: number,
    pixels: GPUBuffer,
    patches: GPUBuffer,
    cls: GPUBuffer,
    embedding?: GPUBuffer,
  ): Promise<void> {
    const { inputSize, gridTokens, width, patchesOutput, clsOutput, embeddingOutput, embeddingSize } = this.shape
    const bind = (buffer: GPUBuffer, dims: number[]) =>
      this.ort.Tensor.fromGpuBuffer(buffer, { dataType: 'float32', dims })
    const input = bind(pixels, [count, 3, inputSize, inputSize])
    const outputs = {
      [patchesOutput]: bind(patches, [count, gridTokens, width]),
      [clsOutput]: bind(cls, [count, width]),
      ...(embedding && embeddingOutput && embeddingSize
        ? { [embeddingOutput]: bind(embedding, [count, embeddingSize]) }
        : {}),
    }
    const uncount = this.ledger.open('tensor')
    try {
      await this.session.run({ pixels: input }, outputs)
    } finally {
      for (const tensor of [input, ...Object.values(outputs)]) tensor.dispose()
      uncount()
    }
  }

  /** The same with arrays; the outputs are copies. */
  async runArrays(count: number, pixels: Float32Array): Promise<TowerArrays> {
    const { inputSize, patchesOutput, clsOutput, embeddingOutput } = this.shape
    const uncount = this.ledger.open('tensor')
    const input = this.split
      ? new this.ort.Tensor('float32', throughTrunk(this.split, count, pixels), [count, ...this.split.dims])
      : new this.ort.Tensor('float32', pixels, [count, 3, inputSize, inputSize])
    try {
      const output = await this.session.run({ [this.split?.input ?? 'pixels']: input })
      const take = (name: string) => Float32Array.from(output[name]?.data as Float32Array)
      const [patches, cls] = [take(patchesOutput), take(clsOutput)]
      const vectors = embeddingOutput === undefined ? cls.slice() : take(embeddingOutput)
      for (const tensor of Object.values(output)) tensor.dispose()
      return { patches, cls, vectors }
    } finally {
      input.dispose()
      uncount()
    }
  }

  async dispose(): Promise<void> {
    // A session whose device is gone may refuse; it is gone all the same.
    await this.session.release().catch(() => undefined)
    this.uncount()
  }
}

/** pixels [count, 3, size, size] to what the rest of the tower takes, [count, ...dims]. */
function throughTrunk({ trunk, dims }: SplitTower, count: number, pixels: Float32Array): Float32Array<ArrayBuffer> {
  const length = dims.reduce((product, size) => product * size, 1)
  const out = new Float32Array(count * length)
  const frame = pixels.length / count
  for (let index = 0; index < count; index++) {
    out.set(trunk.run(pixels.subarray(index * frame, (index + 1) * frame)), index * length)
  }
  return out
}

/** Copies the first `bytes` of a buffer to the CPU. Errors: device-lost */
export async function readBuffer(device: GPUDevice, ledger: Ledger, source: GPUBuffer, bytes: number) {
  const scratch = new GpuBuffers(device, ledger, 'gpu-buffer')
  try {
    const readback = scratch.readback('readback', bytes)
    const encoder = device.createCommandEncoder({ label: 'readback' })
    encoder.copyBufferToBuffer(source, 0, readback, 0, bytes)
    device.queue.submit([encoder.finish()])
    await mapForReading(readback)
    return new Float32Array(readback.getMappedRange().slice(0))
  } finally {
    scratch.dispose()
  }
}
