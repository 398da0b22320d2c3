/** When each frame was seen, told by its token: what training/projector.py (`time_embeddings`) adds, of the pack's `times`. */
import { type PackTensors, requireTensor } from './pack-tensors'

/**
 * Frame tokens float32 [T, hiddenSize] with their time added: the first frame gets the first of the pack's knots [K, hiddenSize], the
 * last the last, the others what lies between by linear interpolation. One frame alone has no time, and a pack without `times`
 * (the paper's way) tells none: the tokens come back as they are.
 */
export function withTimes(
  frameTokens: Float32Array<ArrayBuffer>,
  hiddenSize: number,
  tensors: PackTensors,
): Float32Array<ArrayBuffer> {
  const frames = frameTokens.length / hiddenSize
  if (frames < 2 || !tensors.has('times')) return frameTokens
  const { data } = requireTensor(tensors, 'times')
  const intervals = data.length / hiddenSize - 1
  return frameTokens.map((value, index) => {
    const place = (Math.floor(index / hiddenSize) / (frames - 1)) * intervals
    const below = Math.min(Math.floor(place), intervals - 1)
    const at = below * hiddenSize + (index % hiddenSize)
    const [start = 0, end = 0] = [data[at], data[at + hiddenSize]]
    return value + start + (place - below) * (end - start)
  })
}
