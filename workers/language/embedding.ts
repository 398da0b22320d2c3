import { dequantise, rowBytes } from '../packs/gguf'
import type { BaseTensor } from '../packs/schema'

/** Where the embeddings of tokens come from while an answer is written: from memory, or out of a graph of their own. */
export type TokenRows = {
  readonly hiddenSize: number
  /** [ids, hiddenSize] */
  readonly rows: (ids: readonly number[]) => Float32Array | Promise<Float32Array>
}

/** The decoder's input embeddings, looked up in the base's stored bytes: nothing is dequantised before it is needed. */
export class TokenEmbedding {
  readonly vocabSize: number
  readonly hiddenSize: number
  readonly #type: BaseTensor['type']
  readonly #stride: number
  readonly #bytes: Uint8Array

  /** @param bytes  the tensor's stored bytes; kept, so pass a copy where they are part of something larger */
  constructor(tensor: BaseTensor, bytes: Uint8Array) {
    this.vocabSize = tensor.shape[0] ?? 0
    this.hiddenSize = tensor.shape[1] ?? 0
    this.#type = tensor.type
    this.#stride = rowBytes(tensor)
    this.#bytes = bytes
  }

  /** Writes the embedding of `id` into `out` [hiddenSize]. */
  lookUp(id: number, out: Float32Array): void {
    if (!(id >= 0 && id < this.vocabSize)) throw new RangeError(`token id ${id} is outside the vocabulary`)
    dequantise(this.#type, this.#bytes.subarray(id * this.#stride, (id + 1) * this.#stride), this.hiddenSize, out)
  }

  /** The embeddings of `ids`, [ids, hiddenSize]. */
  rows(ids: readonly number[]): Float32Array {
    const rows = new Float32Array(ids.length * this.hiddenSize)
    for (const [row, id] of ids.entries()) this.lookUp(id, rows.subarray(row * this.hiddenSize))
    return rows
  }
}
