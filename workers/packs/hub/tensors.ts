import type { OrtModule } from '../../runtime/ort'
import { halfTable } from '../half'

/** A copy of a tensor's numbers as float32, whatever precision its graph gives them in. Throws TypeError for others. */
export function floatsOf(tensor: InstanceType<OrtModule['Tensor']> | undefined): Float32Array<ArrayBuffer> {
  if (tensor?.type === 'float32') return Float32Array.from(tensor.data as Float32Array)
  if (tensor?.type !== 'float16')
    throw new TypeError(`a graph gave ${tensor?.type ?? 'nothing'} where numbers were due`)
  // Where the browser has no Float16Array, they come as bit patterns.
  const data = tensor.data as unknown as Uint16Array | Float32Array
  if (!(data instanceof Uint16Array)) return Float32Array.from(data)
  const table = halfTable()
  return Float32Array.from(data, (bits) => table[bits] ?? 0)
}
