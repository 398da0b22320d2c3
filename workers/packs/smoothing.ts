/**
 * A pack's smoothing factors (SmoothQuant, arXiv 2211.10438): what an int8 graph's activations are divided by, channel by
 * channel, and the matrices that take them are multiplied by, so that large channels leave 8-bit steps to the others.
 * training/smoothing.py is the reference; the bytes derived with them agree with training/derive.py.
 */
import { ValleyError } from '../protocol'
import { halfTable } from './half'
import type { BaseManifest, BaseTensor, DecoderGraph, PackSmoothing } from './schema'

/** Factors by tensor: `outputs` [rows] (of a vector: [elements]) divide, `inputs` [columns] multiply. */
export type Smoothing = {
  readonly outputs: ReadonlyMap<string, Float64Array>
  readonly inputs: ReadonlyMap<string, Float64Array>
}

/** Whether a graph rounds its activations: only then do factors gain anything. */
export const roundsActivations = ({ tensors }: DecoderGraph) => tensors.some(({ form }) => form === 'int8-kn')

/** The factors from their file (f16, little-endian). Errors: pack-invalid (they do not fit the base's tensors, or are not positive) */
export function readSmoothing(manifest: PackSmoothing, bytes: Uint8Array, base: BaseManifest): Smoothing {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const half = halfTable()
  const shapes = new Map(base.tensors.map(({ name, shape }) => [name, shape]))
  const outputs = new Map<string, Float64Array>()
  const inputs = new Map<string, Float64Array>()
  for (const { divided, multiplied, size, offset } of manifest.sites) {
    const factors = Float64Array.from({ length: size }, (_, i) => half[view.getUint16(offset + 2 * i, true)] ?? 0)
    if (!factors.every((factor) => factor > 0 && factor < Number.POSITIVE_INFINITY))
      throw unfit(divided, 'not positive')
    for (const name of divided) {
      if (shapes.get(name)?.[0] !== size) throw unfit([name], `${size} factors`)
      outputs.set(name, factors)
    }
    for (const name of multiplied) {
      const columns = shapes.get(name)?.[1]
      const wide = widened(factors, base.architecture)
      if (columns === size) inputs.set(name, factors)
      else if (wide && columns === wide.length) inputs.set(name, wide)
      else throw unfit([name], `${size} factors`)
    }
  }
  return { outputs, inputs }
}

/** Factors of value channels as the output matrix of attention takes them: a group's query heads share their kv head's. */
function widened(
  factors: Float64Array,
  { heads, kvHeads, headDim }: BaseManifest['architecture'],
): Float64Array | null {
  if (factors.length !== kvHeads * headDim) return null
  const group = heads / kvHeads
  return Float64Array.from({ length: heads * headDim }, (_, i) => {
    const head = Math.floor(i / headDim / group)
    return factors[head * headDim + (i % headDim)] ?? 1
  })
}

const unfit = (names: readonly string[], problem: string) =>
  new ValleyError('pack-invalid', { path: 'pack.json', problems: [`smoothing of ${names.join(', ')}: ${problem}`] })

/** Smooths rows [count, k] of a tensor in place, each weight rounded once; the first of them is `firstRow`. */
export function smoothRows(
  { outputs, inputs }: Smoothing,
  { name, shape }: BaseTensor,
  weights: Float32Array,
  firstRow: number,
  count: number,
  k: number,
): void {
  const columns = inputs.get(name)
  const divisors = outputs.get(name)
  if (!columns && !divisors) return
  // The outputs of a vector are its elements.
  const elements = shape.length === 1 ? divisors : undefined
  for (let row = 0; row < count; row++) {
    const divisor = elements ? 1 : (divisors?.[firstRow + row] ?? 1)
    for (let i = 0, at = row * k; i < k; i++, at++) {
      weights[at] = ((weights[at] ?? 0) * (columns?.[i] ?? 1)) / (elements?.[i] ?? divisor)
    }
  }
}
