/**
 * From tower vectors to visual tokens on the GPU: pooling over time and the projector, on whichever side of it the pack
 * says. The weights stay resident; scratch lives for one clip.
 */
import { GpuBuffers } from '../runtime/buffers'
import { mapForReading } from '../runtime/device'
import { Kernels } from '../runtime/kernels'
import type { Ledger } from '../runtime/ledger'
import linearCode from './linear.wgsl?raw'
import { type PackTensors, requireTensor } from './pack-tensors'
import poolingCode from './pooling.wgsl?raw'
import { deltaHeads, type PoolingKind, type PoolingShape, sinusoid } from './reference/pooling'

const steps = [
  'weightedSum',
  'score',
  'softmaxFrames',
  'addPositions',
  'attendLastStep',
  'addAndNormalise',
  'add',
] as const

export type Pooling = { readonly kind: PoolingKind; readonly side: 'before-projector' | 'after-projector' }

type Linear = { readonly weight: GPUBuffer; readonly bias: GPUBuffer; readonly inner: number; readonly columns: number }

export class TokenHead {
  readonly #resident: GpuBuffers
  readonly #projector: Linear
  readonly #vectors = new Map<string, GPUBuffer>()
  readonly #layers = new Map<string, Linear>()

  private constructor(
    readonly device: GPUDevice,
    readonly ledger: Ledger,
    readonly pooling: Pooling,
    readonly linearKernel: Kernels<'main'>,
    readonly kernels: Kernels<(typeof steps)[number]>,
    tensors: PackTensors,
  ) {
    this.#resident = new GpuBuffers(device, ledger, 'resident-buffer')
    const { data: weight, shape } = requireTensor(tensors, 'weight')
    this.#projector = this.#uploadLinear(weight, requireTensor(tensors, 'bias').data, shape[0] ?? 0)
    const vector = (name: string) =>
      this.#vectors.set(name, this.#resident.upload(name, requireTensor(tensors, name).data))
    if (pooling.kind === 'importance') for (const name of ['importance.weight', 'importance.bias']) vector(name)
    if (pooling.kind !== 'delta') return
    for (const name of ['norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias']) vector(`delta.${name}`)
    for (const [weightName, biasName] of [
      ['in_proj_weight', 'in_proj_bias'],
      ['out_proj.weight', 'out_proj.bias'],
      ['linear1.weight', 'linear1.bias'],
      ['linear2.weight', 'linear2.bias'],
    ] as const) {
      const { data, shape } = requireTensor(tensors, `delta.${weightName}`)
      const [columns = 0, inner = 0] = shape
      const bias = requireTensor(tensors, `delta.${biasName}`, [columns]).data
      this.#layers.set(weightName, this.#uploadLinear(transpose(data, columns, inner), bias, inner))
    }
  }

  static async create(device: GPUDevice, ledger: Ledger, pooling: Pooling, tensors: PackTensors): Promise<TokenHead> {
    const [linear, kernels] = await Promise.all([
      Kernels.compile(device, linearCode, ['main']),
      Kernels.compile(device, poolingCode, steps),
    ])
    return new TokenHead(device, ledger, pooling, linear, kernels, tensors)
  }

  get hiddenSize(): number {
    return this.#projector.columns
  }

  /**
   * patches [T, P, D] and cls [T, D] (float32 buffers, which may be longer) to tokens, read back:
   * patch tokens [P, H] followed by frame tokens [T, H].
   */
  async tokens(patches: GPUBuffer, cls: GPUBuffer, shape: PoolingShape): Promise<Float32Array<ArrayBuffer>> {
    const scratch = new GpuBuffers(this.device, this.ledger, 'gpu-buffer')
    try {
      const encoder = this.device.createCommandEncoder({ label: 'tokens' })
      const bytes = 4 * (shape.patches + shape.frames) * this.hiddenSize
      const tokens = scratch.storage('tokens', bytes)
      if (this.pooling.side === 'before-projector') {
        const pooled = this.#pool(encoder, scratch, patches, shape)
        this.#linear(encoder, scratch, pooled, this.#projector, { rows: shape.patches, out: tokens })
      } else {
        const projected = this.#linear(encoder, scratch, patches, this.#projector, {
          rows: shape.frames * shape.patches,
        })
        const pooled = this.#pool(encoder, scratch, projected, { ...shape, width: this.hiddenSize })
        encoder.copyBufferToBuffer(pooled, 0, tokens, 0, 4 * shape.patches * this.hiddenSize)
      }
      this.#linear(encoder, scratch, cls, this.#projector, { rows: shape.frames, out: tokens, outRow: shape.patches })
      const readback = scratch.readback('tokens', bytes)
      encoder.copyBufferToBuffer(tokens, 0, readback, 0, bytes)
      this.device.queue.submit([encoder.finish()])
      await mapForReading(readback)
      return new Float32Array(readback.getMappedRange().slice(0))
    } finally {
      scratch.dispose()
    }
  }

  dispose(): void {
    this.#resident.dispose()
  }

  #uploadLinear(weight: Float32Array<ArrayBuffer>, bias: Float32Array<ArrayBuffer>, inner: number): Linear {
    const columns = bias.length
    return {
      weight: this.#resident.upload('weight', weight),
      bias: this.#resident.upload('bias', bias),
      inner,
      columns,
    }
  }

  #vector(name: string): GPUBuffer {
    return this.#vectors.get(name) as GPUBuffer
  }

  #linear(
    encoder: GPUCommandEncoder,
    scratch: GpuBuffers,
    x: GPUBuffer,
    { weight, bias, inner, columns }: Linear,
    { rows, out, outRow = 0, relu = false }: { rows: number; out?: GPUBuffer; outRow?: number; relu?: boolean },
  ): GPUBuffer {
    const target = out ?? scratch.storage('linear', 4 * rows * columns)
    const shape = scratch.uniform(
      'shape',
      new Uint32Array([rows, inner, columns, outRow, Number(relu), 0, 0, 0]).buffer,
    )
    const bindings = { 0: shape, 1: x, 2: weight, 3: bias, 4: target }
    this.linearKernel.run(encoder, 'main', bindings, [Math.ceil(columns / 64), Math.ceil(rows / 4)])
    return target
  }

  #pool(encoder: GPUCommandEncoder, scratch: GpuBuffers, input: GPUBuffer, shape: PoolingShape): GPUBuffer {
    const { frames, patches, width } = shape
    const uniform = scratch.uniform('shape', new Uint32Array([frames, patches, width, deltaHeads]).buffer)
    const frame = patches * width
    const across = Math.ceil(frame / 64)
    const weightedSum = (weights: GPUBuffer) => {
      const out = scratch.storage('pooled', 4 * frame)
      this.kernels.run(encoder, 'weightedSum', { 0: uniform, 1: input, 2: weights, 5: out }, [across])
      return out
    }
    const mean = () => weightedSum(scratch.upload('1/T', new Float32Array(frames).fill(1 / frames)))
    if (this.pooling.kind === 'mean') return mean()
    if (this.pooling.kind === 'importance') {
      const scores = scratch.storage('scores', 4 * frames)
      const weights = scratch.storage('weights', 4 * frames)
      const [w, b] = [this.#vector('importance.weight'), this.#vector('importance.bias')]
      this.kernels.run(encoder, 'score', { 0: uniform, 1: input, 2: w, 3: b, 5: scores }, [frames])
      this.kernels.run(encoder, 'softmaxFrames', { 0: uniform, 1: scores, 5: weights }, [1])
      return weightedSum(weights)
    }
    const out = scratch.storage('pooled', 4 * frame)
    const moved = this.#encoderLayer(encoder, scratch, uniform, input, shape)
    this.kernels.run(encoder, 'add', { 0: uniform, 1: moved, 2: mean(), 5: out }, [across])
    return out
  }

  /** One post-norm transformer-encoder layer over time; only its last step [P, width] is computed. */
  #encoderLayer(
    encoder: GPUCommandEncoder,
    scratch: GpuBuffers,
    uniform: GPUBuffer,
    input: GPUBuffer,
    { frames, patches, width }: PoolingShape,
  ): GPUBuffer {
    const frame = patches * width
    const layer = (name: string) => this.#layers.get(name) as Linear
    const normalise = (x: GPUBuffer, y: GPUBuffer, name: string) => {
      const out = scratch.storage(name, 4 * frame)
      const [gain, bias] = [this.#vector(`delta.${name}.weight`), this.#vector(`delta.${name}.bias`)]
      this.kernels.run(encoder, 'addAndNormalise', { 0: uniform, 1: x, 2: y, 3: gain, 4: bias, 5: out }, [patches])
      return out
    }
    const table = Float32Array.from({ length: frames * width }, (_, at) =>
      sinusoid(Math.floor(at / width), at % width, width),
    )
    const positions = scratch.upload('positions', table)
    const positioned = scratch.storage('positioned', 4 * frames * frame)
    const across = Math.ceil(frame / 64)
    this.kernels.run(encoder, 'addPositions', { 0: uniform, 1: input, 2: positions, 5: positioned }, [across, frames])
    const qkv = this.#linear(encoder, scratch, positioned, layer('in_proj_weight'), { rows: frames * patches })
    const attended = scratch.storage('attended', 4 * frame)
    this.kernels.run(encoder, 'attendLastStep', { 0: uniform, 1: qkv, 5: attended }, [across])
    const projected = this.#linear(encoder, scratch, attended, layer('out_proj.weight'), { rows: patches })
    const lastStep = scratch.storage('last step', 4 * frame)
    encoder.copyBufferToBuffer(positioned, 4 * (frames - 1) * frame, lastStep, 0, 4 * frame)
    const first = normalise(lastStep, projected, 'norm1')
    const hidden = this.#linear(encoder, scratch, first, layer('linear1.weight'), { rows: patches, relu: true })
    const moved = this.#linear(encoder, scratch, hidden, layer('linear2.weight'), { rows: patches })
    return normalise(first, moved, 'norm2')
  }
}

/** [rows, columns] to [columns, rows]: torch stores weights [out, in], linear.wgsl reads [in, out]. */
function transpose(data: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = data[row * columns + column] as number
  }
  return out
}
