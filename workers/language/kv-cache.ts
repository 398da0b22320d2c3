/**
 * The decoder's keys and values in buffers of our own, of fixed capacity: the graph returns only the rows of its chunk,
 * they are appended here, and the next run gets a view of the filled part. Nothing is ever reallocated, and dropping the
 * newest rows costs nothing; rows move only when a beam search ends and leaves its winner's.
 */
import type { Tensor } from 'onnxruntime-web'
import { ValleyError } from '../protocol'
import { mapForReading } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'

export type KvShape = {
  readonly layers: number
  /** kvHeads * headDim */
  readonly width: number
  /** Positions. */
  readonly capacity: number
}

export type KvCache = {
  readonly capacity: number
  /** Positions filled. */
  readonly length: number
  /** The graph's `past.{layer}.key|value`, [1, length, width] each. Valid until the next append. */
  readonly past: () => Record<string, Tensor>
  /** Appends the graph's `new.{layer}.key|value`, [1, rows, width] each, and disposes of them. */
  readonly append: (outputs: Readonly<Record<string, Tensor>>, rows: number) => void
  /** Forgets all positions from `length` on. */
  readonly truncate: (length: number) => void
  /** Of the positions from `from` on, leaves only `rows` (ascending), moved together. A row is exact wherever it stands. */
  readonly keep: (from: number, rows: readonly number[]) => void
  /** Copies of the first `length` positions of each tensor, as bytes, in the order of `kvNames`. */
  readonly save: (length: number) => Promise<readonly Uint8Array<ArrayBuffer>[]>
  /** Holds what `save` gave, as bytes, and nothing else. Throws RangeError where it is not of this cache's shape. */
  readonly restore: (tensors: readonly Uint8Array<ArrayBuffer>[], length: number) => void
  readonly dispose: () => void
}

/** Tensor names behind `past.` and `new.`, in the order of the graph. */
export const kvNames = (layers: number) =>
  Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat()

/** float32 in JS memory, for the WASM backend. Errors: out-of-memory. */
export function hostKvCache(ort: OrtModule, shape: KvShape, ledger: Ledger): KvCache {
  const { width, capacity } = shape
  const names = kvNames(shape.layers)
  let buffers: Map<string, Float32Array<ArrayBuffer>>
  try {
    buffers = new Map(names.map((name) => [name, new Float32Array(capacity * width)]))
  } catch (thrown) {
    throw new ValleyError('out-of-memory', { bytes: 4 * names.length * capacity * width }, { cause: thrown })
  }
  const close = ledger.open('kv-cache')
  const counter = new Fill(capacity)
  return {
    capacity,
    get length() {
      return counter.length
    },
    past: () =>
      Object.fromEntries(
        Array.from(buffers, ([name, buffer]) => {
          const rows = buffer.subarray(0, counter.length * width)
          return [`past.${name}`, new ort.Tensor('float32', rows, [1, counter.length, width])]
        }),
      ),
    append: (outputs, rows) => {
      counter.reserve(rows)
      for (const [name, buffer] of buffers) {
        const output = outputs[`new.${name}`]
        buffer.set(output?.data as Float32Array, counter.length * width)
        output?.dispose()
      }
      counter.length += rows
    },
    truncate: (length) => counter.truncate(length),
    keep: (from, rows) => {
      counter.check(from, rows)
      for (const { source, target, count } of moves(from, rows)) {
        for (const buffer of buffers.values()) {
          buffer.copyWithin(target * width, source * width, (source + count) * width)
        }
      }
      counter.truncate(from + rows.length)
    },
    save: async (length) => {
      counter.checkSaved(length)
      return Array.from(buffers.values(), (buffer) => new Uint8Array(buffer.slice(0, length * width).buffer))
    },
    restore: (tensors, length) => {
      counter.checkRestored(tensors, length, names.length, 4 * width)
      for (const [index, buffer] of [...buffers.values()].entries()) {
        const bytes = tensors[index]
        if (bytes) new Uint8Array(buffer.buffer).set(bytes)
      }
      counter.length = length
    },
    dispose: () => {
      close()
      buffers.clear()
    },
  }
}

/** One GPU buffer a tensor; appending is a copy on the GPU, nothing comes back. `type` is the graph's K/V type. */
export function gpuKvCache(
  ort: OrtModule,
  device: GPUDevice,
  type: 'float32' | 'float16',
  shape: KvShape,
  ledger: Ledger,
): KvCache {
  const { width, capacity } = shape
  const rowBytes = width * (type === 'float16' ? 2 : 4)
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
  const open = kvNames(shape.layers).map((name) => {
    const size = capacity * rowBytes
    const buffer = device.createBuffer({ label: `kv ${name}`, size, usage })
    return { name, buffer, close: ledger.open('gpu-buffer', size) }
  })
  const close = ledger.open('kv-cache')
  const counter = new Fill(capacity)
  const empty = () => {
    const none = type === 'float16' ? new Uint16Array(0) : new Float32Array(0)
    return new ort.Tensor(type, none as Float32Array, [1, 0, width])
  }
  return {
    capacity,
    get length() {
      return counter.length
    },
    past: () =>
      Object.fromEntries(
        open.map(({ name, buffer }) => {
          const dims = [1, counter.length, width]
          const view = () => ort.Tensor.fromGpuBuffer(buffer, { dataType: type, dims })
          return [`past.${name}`, counter.length === 0 ? empty() : view()]
        }),
      ),
    append: (outputs, rows) => {
      counter.reserve(rows)
      const encoder = device.createCommandEncoder({ label: 'append to kv cache' })
      for (const { name, buffer } of open) {
        const output = outputs[`new.${name}`]
        const source = output?.gpuBuffer as unknown as GPUBuffer
        encoder.copyBufferToBuffer(source, 0, buffer, counter.length * rowBytes, rows * rowBytes)
      }
      device.queue.submit([encoder.finish()])
      for (const { name } of open) outputs[`new.${name}`]?.dispose()
      counter.length += rows
    },
    truncate: (length) => counter.truncate(length),
    keep: (from, rows) => {
      counter.check(from, rows)
      const moved = moves(from, rows)
      if (moved.length > 0) moveOnGpu(device, open, moved, rowBytes)
      counter.truncate(from + rows.length)
    },
    save: (length) => {
      counter.checkSaved(length)
      return readFromGpu(device, open, length * rowBytes)
    },
    restore: (tensors, length) => {
      counter.checkRestored(tensors, length, open.length, rowBytes)
      for (const [index, { buffer }] of open.entries()) {
        const bytes = tensors[index]
        if (bytes) device.queue.writeBuffer(buffer, 0, bytes)
      }
      counter.length = length
    },
    dispose: () => {
      close()
      for (const { buffer, close } of open) {
        buffer.destroy()
        close()
      }
    },
  }
}

type Move = { readonly source: number; readonly target: number; readonly count: number }

/** The copies, in order, that bring `rows` (ascending, each at or after its place) together from `from` on. Pure. */
export function moves(from: number, rows: readonly number[]): Move[] {
  const runs: Move[] = []
  for (const [index, source] of rows.entries()) {
    const last = runs.at(-1)
    if (last && last.source + last.count === source) runs[runs.length - 1] = { ...last, count: last.count + 1 }
    else runs.push({ source, target: from + index, count: 1 })
  }
  return runs.filter(({ source, target }) => source !== target)
}

/** A buffer cannot be copied into itself, so rows go through another one. */
function moveOnGpu(
  device: GPUDevice,
  open: readonly { readonly buffer: GPUBuffer }[],
  moved: readonly Move[],
  rowBytes: number,
): void {
  const size = Math.max(...moved.map(({ count }) => count)) * rowBytes
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
  const between = device.createBuffer({ label: 'kv rows on the move', size, usage })
  const encoder = device.createCommandEncoder({ label: 'move kv rows' })
  for (const { buffer } of open) {
    for (const { source, target, count } of moved) {
      encoder.copyBufferToBuffer(buffer, source * rowBytes, between, 0, count * rowBytes)
      encoder.copyBufferToBuffer(between, 0, buffer, target * rowBytes, count * rowBytes)
    }
  }
  device.queue.submit([encoder.finish()])
  between.destroy()
}

/** The first `bytes` of each buffer, through one that can be mapped. */
async function readFromGpu(
  device: GPUDevice,
  open: readonly { readonly buffer: GPUBuffer }[],
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST
  const readable = device.createBuffer({ label: 'kv rows to be kept', size: bytes * open.length, usage })
  try {
    const encoder = device.createCommandEncoder({ label: 'read kv rows' })
    for (const [index, { buffer }] of open.entries()) {
      encoder.copyBufferToBuffer(buffer, 0, readable, index * bytes, bytes)
    }
    device.queue.submit([encoder.finish()])
    await mapForReading(readable)
    const all = readable.getMappedRange()
    return open.map((_, index) => new Uint8Array(all.slice(index * bytes, (index + 1) * bytes)))
  } finally {
    readable.destroy()
  }
}

/** How many positions are filled, within the capacity. */
class Fill {
  length = 0
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  reserve(rows: number): void {
    if (this.length + rows > this.#capacity) {
      throw new RangeError(`KV cache of ${this.#capacity} positions cannot take ${this.length} + ${rows}`)
    }
  }

  /** That `rows` are filled positions from `from` on, ascending. */
  check(from: number, rows: readonly number[]): void {
    const ascending = rows.every((row, index) => row >= from && row > (rows[index - 1] ?? -1) && row < this.length)
    if (!ascending || from > this.length) throw new RangeError(`cannot keep rows ${rows} from ${from} on`)
  }

  checkSaved(length: number): void {
    if (length < 1 || length > this.length) throw new RangeError(`cannot save ${length} of ${this.length} positions`)
  }

  checkRestored(tensors: readonly Uint8Array[], length: number, count: number, rowBytes: number): void {
    const fits = tensors.length === count && tensors.every((bytes) => bytes.length === length * rowBytes)
    if (!fits || length > this.#capacity) throw new RangeError(`what was kept is not ${length} positions of this cache`)
  }

  truncate(length: number): void {
    if (length < 0 || length > this.length)
      throw new RangeError(`cannot truncate ${this.length} positions to ${length}`)
    this.length = length
  }
}
