/** The projector file as named tensors: float32, little-endian, at the offsets that pack.json lists. */
import type { PackManifest } from '../packs/schema'
import { ValleyError } from '../protocol'

export type Tensor = { readonly data: Float32Array<ArrayBuffer>; readonly shape: readonly number[] }
export type PackTensors = ReadonlyMap<string, Tensor>

/** Views into `bytes`, which stay shared. The schema has checked offsets and sizes. */
export function packTensors(projector: PackManifest['projector'], bytes: Uint8Array<ArrayBuffer>): PackTensors {
  return new Map(
    projector.tensors.map(({ name, shape, offset }) => {
      const count = shape.reduce((a, b) => a * b, 1)
      return [name, { shape, data: new Float32Array(bytes.buffer, bytes.byteOffset + offset, count) }]
    }),
  )
}

/** The tensor `name`. Errors: pack-invalid, naming it, where it is missing or not of `shape`. */
export function requireTensor(tensors: PackTensors, name: string, shape?: readonly number[]): Tensor {
  const tensor = tensors.get(name)
  if (tensor && (!shape || String(tensor.shape) === String(shape))) return tensor
  const problem = tensor ? `tensor ${name} is [${tensor.shape}], not [${shape}]` : `tensor ${name} is missing`
  throw new ValleyError('pack-invalid', { path: 'projector', problems: [problem] })
}
