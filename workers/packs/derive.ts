/**
 * What a decoder graph runs on, derived from the base's GGUF bytes and the pack's adapter and smoothing at first load: the
 * graph's external-data file, laid out as base.json says. training/derive.py is the reference and the two agree byte
 * for byte, so each rounding is fixed: a dequantised weight rounds to float32 once; the adapter's product accumulates in
 * float64 in rank order, is scaled and added, and rounds to float32 once, smoothing once more; scale = float32(max|W| / 127);
 * code = float32(W / scale) rounded half away from zero.
 *
 * Tensors are taken shard by shard, rows in blocks, so that beside the result only one shard and one block are held.
 */
import { throwIfAborted, ValleyError } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { writeCodes, writeScales } from './four-bit'
import { dequantise, rowBytes } from './gguf'
import { halfTable, toHalf } from './half'
import type { BaseManifest, BaseTensor, DecoderGraph, LayoutEntry, PackAdapter } from './schema'
import { type Smoothing, smoothRows } from './smoothing'
import { allocate } from './source'

/** Part of every cache key: raised whenever the bytes that derivation gives change. */
export const deriveVersion = 1

/** LoRA factors by tensor: W += scale * B @ A. */
export type Adapter = {
  readonly scale: number
  readonly rank: number
  /** A [rank, in] and B [out, rank], row-major. */
  readonly factors: ReadonlyMap<string, { readonly a: Float64Array; readonly b: Float64Array }>
}

/** The adapter's factors from its file (f16, little-endian). */
export function readAdapter(manifest: PackAdapter, bytes: Uint8Array): Adapter {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const half = halfTable()
  const read = (offset: number, shape: readonly [number, number]) =>
    Float64Array.from({ length: shape[0] * shape[1] }, (_, i) => half[view.getUint16(offset + 2 * i, true)] ?? 0)
  const factors = manifest.tensors.map(
    (tensor) =>
      [tensor.name, { a: read(tensor.aOffset, tensor.aShape), b: read(tensor.bOffset, tensor.bShape) }] as const,
  )
  return { scale: manifest.alpha / manifest.rank, rank: manifest.rank, factors: new Map(factors) }
}

export type DeriveOptions = {
  readonly manifest: BaseManifest
  readonly graph: DecoderGraph
  readonly adapter: Adapter | null
  readonly smoothing: Smoothing | null
  /** Asked for each shard once, in ascending order. */
  readonly shard: (index: number) => Promise<Uint8Array>
  /** Bytes of base tensors used up so far and in all. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal | undefined
}

/** Where one source tensor goes: an initializer, and the first of its output channels that the tensor fills. */
type Target = { readonly entry: LayoutEntry; readonly firstChannel: number }

/**
 * The external-data file of `graph`, zero between its aligned entries.
 * Errors: pack-invalid (layout and tensors disagree), out-of-memory, aborted, and those of `shard`.
 */
export async function deriveWeights(options: DeriveOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { manifest, graph, onProgress, signal } = options
  const targets = targetsByTensor(manifest, graph)
  const used = manifest.tensors.filter((tensor) => targets.has(tensor.name))
  const total = used.reduce((sum, tensor) => sum + tensor.bytes, 0)
  const out = allocate(graph.bytes)
  let done = 0
  let pause = performance.now()
  for (const index of manifest.files.weights.keys()) {
    const tensors = used.filter((tensor) => tensor.shard === index)
    const shard = await options.shard(index)
    for (const tensor of tensors) {
      const stored = shard.subarray(tensor.offset, tensor.offset + tensor.bytes)
      for (const bytes of deriveTensor(tensor, stored, targets.get(tensor.name) ?? [], options, out)) {
        done += bytes
        if (performance.now() - pause < 50) continue
        onProgress?.(done, total)
        await macrotask()
        throwIfAborted(signal)
        pause = performance.now()
      }
    }
  }
  onProgress?.(total, total)
  return out
}

function targetsByTensor(manifest: BaseManifest, graph: DecoderGraph): Map<string, Target[]> {
  const tensors = new Map(manifest.tensors.map((tensor) => [tensor.name, tensor]))
  const targets = new Map<string, Target[]>()
  for (const entry of graph.tensors) {
    let channels = 0
    for (const name of entry.sources) {
      const tensor = tensors.get(name)
      const [rows, k] = matrixShape(tensor)
      if (entry.k !== undefined && entry.k !== k && tensor?.shape.length === 2) throw layoutError(entry, 'k')
      targets.set(name, [...(targets.get(name) ?? []), { entry, firstChannel: channels }])
      channels += tensor?.shape.length === 2 ? rows : k
    }
    if (entry.n !== undefined && entry.n !== channels) throw layoutError(entry, 'n')
    if (entry.bytes !== encodedBytes(entry.form, entry.k ?? 1, channels)) throw layoutError(entry, 'bytes')
  }
  return targets
}

const matrixShape = (tensor: BaseTensor | undefined): [number, number] =>
  tensor?.shape.length === 2 ? [tensor.shape[0] ?? 0, tensor.shape[1] ?? 0] : [1, tensor?.shape[0] ?? 0]

const layoutError = (entry: LayoutEntry, field: string) =>
  new ValleyError('pack-invalid', { path: 'base.json', problems: [`layout of ${entry.name}: ${field} does not fit`] })

function encodedBytes(form: LayoutEntry['form'], k: number, n: number): number {
  switch (form) {
    case 'int8-kn':
    case 'q8-nk':
      return k * n
    case 'q4-nk':
      return (k * n) / 2
    case 'f32-kn':
      return 4 * k * n
    case 'q8-scale-f32':
      return 4 * ((k * n) / 32)
    case 'q8-scale-f16':
    case 'q4-scale-f16':
      return 2 * ((k * n) / 32)
    case 'int8-scale-f32':
    case 'f32':
      return 4 * n
    case 'f16':
      return 2 * n
  }
}

/** Rows held at once: small enough for the cache, enough to make the transposed writes runs of 64 bytes. */
const blockRows = 64

/** Writes one tensor's part of every target; yields the stored bytes used up after each block of rows. */
function* deriveTensor(
  tensor: BaseTensor,
  stored: Uint8Array,
  targets: readonly Target[],
  { adapter, smoothing }: Pick<DeriveOptions, 'adapter' | 'smoothing'>,
  out: Uint8Array<ArrayBuffer>,
): Generator<number> {
  const [rows, k] = matrixShape(tensor)
  const stride = rowBytes(tensor)
  const weights = new Float32Array(blockRows * k)
  const codes = new Int8Array(blockRows * k)
  const scales = new Float32Array(blockRows)
  const quantised = targets.some(({ entry }) => entry.form.startsWith('int8') || entry.form.startsWith('q8'))
  const factors = adapter?.factors.get(tensor.name)
  for (let row = 0; row < rows; row += blockRows) {
    const count = Math.min(blockRows, rows - row)
    const bytes = stored.subarray(row * stride, (row + count) * stride)
    dequantise(tensor.type, bytes, count * k, weights)
    if (adapter && factors) addAdapter(weights, factors, adapter, row, count, k)
    if (smoothing) smoothRows(smoothing, tensor, weights, row, count, k)
    if (quantised) quantiseRows(weights, count, k, codes, scales)
    for (const { entry, firstChannel } of targets) {
      writeBlock(entry, firstChannel + row, count, k, { weights, codes, scales }, out)
    }
    yield bytes.length
  }
}

function addAdapter(
  weights: Float32Array,
  { a, b }: { a: Float64Array; b: Float64Array },
  { rank, scale }: Adapter,
  firstRow: number,
  count: number,
  k: number,
): void {
  const product = new Float64Array(k)
  for (let row = 0; row < count; row++) {
    product.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = b[(firstRow + row) * rank + r] ?? 0
      for (let i = 0, at = r * k; i < k; i++, at++) product[i] = (product[i] ?? 0) + factor * (a[at] ?? 0)
    }
    for (let i = 0, at = row * k; i < k; i++, at++) weights[at] = (weights[at] ?? 0) + (product[i] ?? 0) * scale
  }
}

/** Symmetric per-channel int8: codes -127..127 and float32 scales of the first `count` rows of `weights`. */
function quantiseRows(weights: Float32Array, count: number, k: number, codes: Int8Array, scales: Float32Array): void {
  for (let row = 0; row < count; row++) {
    const start = row * k
    let peak = 0
    for (let i = start; i < start + k; i++) {
      const magnitude = Math.abs(weights[i] ?? 0)
      if (magnitude > peak) peak = magnitude
    }
    const scale = peak === 0 ? 1 : Math.fround(peak / 127)
    scales[row] = scale
    for (let i = start; i < start + k; i++) {
      const quotient = Math.fround((weights[i] ?? 0) / scale)
      codes[i] = quotient < 0 ? -Math.min(127, (0.5 - quotient) | 0) : Math.min(127, (quotient + 0.5) | 0)
    }
  }
}

type Block = { readonly weights: Float32Array; readonly codes: Int8Array; readonly scales: Float32Array }

/** Encodes `count` output channels, the first of them `channel`, into the bytes of `entry`. */
function writeBlock(
  entry: LayoutEntry,
  channel: number,
  count: number,
  k: number,
  { weights, codes, scales }: Block,
  out: Uint8Array<ArrayBuffer>,
): void {
  const { offset, bytes } = entry
  const n = entry.n ?? 0
  switch (entry.form) {
    case 'int8-kn': {
      const target = new Int8Array(out.buffer, offset, bytes)
      for (let i = 0; i < k; i++) {
        for (let row = 0, at = i * n + channel; row < count; row++, at++) target[at] = codes[row * k + i] ?? 0
      }
      return
    }
    case 'f32-kn': {
      const target = new Float32Array(out.buffer, offset, bytes / 4)
      for (let i = 0; i < k; i++) {
        for (let row = 0, at = i * n + channel; row < count; row++, at++) target[at] = weights[row * k + i] ?? 0
      }
      return
    }
    case 'q8-nk': {
      const start = offset + channel * k
      for (let i = 0; i < count * k; i++) out[start + i] = (codes[i] ?? 0) + 128
      return
    }
    case 'q4-nk':
      writeCodes(weights, count * k, out, offset + (channel * k) / 2)
      return
    case 'q4-scale-f16':
      writeScales(weights, count * k, new Uint16Array(out.buffer, offset, bytes / 2), (channel * k) / 32)
      return
    case 'int8-scale-f32':
      new Float32Array(out.buffer, offset, bytes / 4).set(scales.subarray(0, count), channel)
      return
    case 'q8-scale-f32':
    case 'q8-scale-f16': {
      const blocks = k / 32
      const wide = entry.form === 'q8-scale-f32'
      const target = wide
        ? new Float32Array(out.buffer, offset, bytes / 4)
        : new Uint16Array(out.buffer, offset, bytes / 2)
      for (let row = 0; row < count; row++) {
        const scale = scales[row] ?? 0
        const start = (channel + row) * blocks
        target.fill(wide ? scale : toHalf(scale), start, start + blocks)
      }
      return
    }
    case 'f32':
      new Float32Array(out.buffer, offset, bytes / 4).set(weights.subarray(0, k), channel)
      return
    case 'f16': {
      const target = new Uint16Array(out.buffer, offset, bytes / 2)
      for (let i = 0; i < k; i++) target[channel + i] = toHalf(weights[i] ?? 0)
      return
    }
  }
}
