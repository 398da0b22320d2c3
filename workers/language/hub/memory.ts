/**
 * Where the past of a hub's decoder lies: tensors in the memory of the CPU, or in buffers of the GPU. Those that a run gives
 * go into the next run as they are; what is cut or kept goes through here.
 */
import type { Tensor } from 'onnxruntime-web'
import { mapForReading } from '../../runtime/device'
import type { OrtModule } from '../../runtime/ort'

/** As the graph declares its past. */
export type PastType = 'float32' | 'float16'
export const bytesOf = (type: PastType) => (type === 'float16' ? 2 : 4)

export type PastMemory = {
  readonly type: PastType
  /** A tensor that holds `bytes`. */
  put(bytes: Uint8Array<ArrayBuffer>, dims: readonly number[]): Tensor
  /** The first `length` positions of [1, heads, P, headDim], in a tensor of its own. */
  first(tensor: Tensor, length: number): Tensor
  /** A copy of its bytes. Errors: device-lost */
  read(tensor: Tensor): Promise<Uint8Array<ArrayBuffer>>
}

/** [rows, bytes from one row to the next, bytes of the part that stays] of a cut at `length`. */
function cut(tensor: Tensor, length: number, type: PastType) {
  const [, heads = 0, positions = 0, headDim = 0] = tensor.dims
  const position = headDim * bytesOf(type)
  return { heads, stride: positions * position, kept: length * position, dims: [1, heads, length, headDim] }
}

export class CpuMemory implements PastMemory {
  constructor(
    readonly ort: OrtModule,
    readonly type: PastType,
  ) {}

  put(bytes: Uint8Array<ArrayBuffer>, dims: readonly number[]): Tensor {
    const { buffer, byteOffset, length } = bytes
    return this.type === 'float32'
      ? new this.ort.Tensor('float32', new Float32Array(buffer, byteOffset, length / 4), dims)
      : new this.ort.Tensor('float16', new Uint16Array(buffer, byteOffset, length / 2), dims)
  }

  first(tensor: Tensor, length: number): Tensor {
    const { heads, stride, kept, dims } = cut(tensor, length, this.type)
    const all = bytesIn(tensor)
    const bytes = new Uint8Array(heads * kept)
    for (let head = 0; head < heads; head++) {
      bytes.set(all.subarray(head * stride, head * stride + kept), head * kept)
    }
    return this.put(bytes, dims)
  }

  async read(tensor: Tensor): Promise<Uint8Array<ArrayBuffer>> {
    return bytesIn(tensor).slice()
  }
}

/** Of a tensor on the CPU. */
function bytesIn(tensor: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export class GpuMemory implements PastMemory {
  readonly #onCpu: CpuMemory

  constructor(
    readonly ort: OrtModule,
    readonly device: GPUDevice,
    readonly type: PastType,
  ) {
    this.#onCpu = new CpuMemory(ort, type)
  }

  put(bytes: Uint8Array<ArrayBuffer>, dims: readonly number[]): Tensor {
    // There are no empty buffers; the runtime takes an empty tensor from the CPU.
    if (bytes.length === 0) return this.#onCpu.put(bytes, dims)
    const buffer = this.#buffer(bytes.length)
    this.device.queue.writeBuffer(buffer, 0, bytes, 0, bytes.length)
    return this.#tensor(buffer, dims)
  }

  first(tensor: Tensor, length: number): Tensor {
    if (tensor.location === 'cpu') return this.#onCpu.first(tensor, length)
    const { heads, stride, kept, dims } = cut(tensor, length, this.type)
    if (kept === 0) return this.#onCpu.put(new Uint8Array(0), dims)
    const buffer = this.#buffer(heads * kept)
    const encoder = this.device.createCommandEncoder({ label: 'cut the past' })
    for (let head = 0; head < heads; head++) {
      encoder.copyBufferToBuffer(bufferOf(tensor), head * stride, buffer, head * kept, kept)
    }
    this.device.queue.submit([encoder.finish()])
    return this.#tensor(buffer, dims)
  }

  async read(tensor: Tensor): Promise<Uint8Array<ArrayBuffer>> {
    if (tensor.location === 'cpu') return this.#onCpu.read(tensor)
    const size = tensor.dims.reduce((a, b) => a * b, bytesOf(this.type))
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
    const readable = this.device.createBuffer({ label: 'past to be kept', size, usage })
    try {
      const encoder = this.device.createCommandEncoder({ label: 'read the past' })
      encoder.copyBufferToBuffer(bufferOf(tensor), 0, readable, 0, size)
      this.device.queue.submit([encoder.finish()])
      await mapForReading(readable)
      return new Uint8Array(readable.getMappedRange().slice(0))
    } finally {
      readable.destroy()
    }
  }

  #buffer(size: number): GPUBuffer {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
    return this.device.createBuffer({ label: 'past', size, usage })
  }

  #tensor(buffer: GPUBuffer, dims: readonly number[]): Tensor {
    const dispose = () => buffer.destroy()
    return this.ort.Tensor.fromGpuBuffer(buffer, { dataType: this.type, dims, dispose })
  }
}

const bufferOf = (tensor: Tensor) => tensor.gpuBuffer as unknown as GPUBuffer
