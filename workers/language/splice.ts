/**
 * Pieces of a prompt -> what the decoder reads (input embeddings) and what the KV cache is compared by (one key a
 * position). The order inside a clip is the paper's (Valley, arXiv 2306.07207, and its reference code):
 * image start, P patch tokens, image end, video start, T frame tokens, video end.
 */
import type { VisualTokens } from '../protocol'
import type { TokenEmbedding } from './embedding'
import type { Piece } from './prompt'

/** What stands at a position: a token id, or one row of a clip's visual tokens. Equal keys mean equal embeddings. */
export type PositionKey = number | string

/** A clip's visual tokens with the markers around them, ready to be spliced. */
export type VisualSpan = {
  /** Unique to these tokens: a clip encoded anew gets another. */
  readonly name: string
  /** [length, hiddenSize], row-major float32. */
  readonly rows: Float32Array
  readonly length: number
}

/** A prompt (or the part of one) as keys and embeddings. */
export type Sequence = {
  readonly keys: readonly PositionKey[]
  /** Input embeddings of positions from..to-1, [to-from, hiddenSize]. */
  readonly embed: (from: number, to: number) => Float32Array
}

/**
 * Lays out visual tokens in the paper's order; without markers nothing stands around them.
 * Throws RangeError where sizes do not agree with `hiddenSize`.
 */
export function visualSpan(name: string, tokens: VisualTokens): VisualSpan {
  const { patchTokens, frameTokens, markers, hiddenSize } = tokens
  const wrong = [patchTokens, frameTokens, markers].some((part) => part.length % hiddenSize !== 0)
  const four = markers.length === 0 || markers.length === 4 * hiddenSize
  if (wrong || !four) throw new RangeError('visual tokens do not fit their hiddenSize')
  const marker = (index: number) => markers.subarray(index * hiddenSize, (index + 1) * hiddenSize)
  const rows = new Float32Array(patchTokens.length + frameTokens.length + markers.length)
  let at = 0
  for (const part of [marker(0), patchTokens, marker(1), marker(2), frameTokens, marker(3)]) {
    rows.set(part, at)
    at += part.length
  }
  return { name, rows, length: rows.length / hiddenSize }
}

/** The sequence of `pieces`; `visual` stands where they say, and must be there if they do. */
export function splice(pieces: readonly Piece[], embedding: TokenEmbedding, visual: VisualSpan | null): Sequence {
  const keys: PositionKey[] = []
  let visualStart = 0
  for (const piece of pieces) {
    if (piece.kind === 'text') keys.push(...piece.ids)
    else {
      if (piece.length !== visual?.length) throw new RangeError('the prompt asks for visual tokens that are not given')
      visualStart = keys.length
      for (let i = 0; i < piece.length; i++) keys.push(`${visual.name}#${i}`)
    }
  }
  const width = embedding.hiddenSize
  if (visual && visual.rows.length !== visual.length * width) {
    throw new RangeError(`visual tokens are not ${width} wide, as the decoder's embeddings are`)
  }
  return sequenceOf(keys, embedding, (position) => visual?.rows.subarray(...rowAt(position - visualStart, width)))
}

const rowAt = (index: number, width: number) => [index * width, (index + 1) * width] as const

/**
 * The sequence of `keys`: rows of token ids come from `embedding`, the others from `rowOf`.
 * @param rowOf  [hiddenSize] of a position whose key is no token id
 */
export function sequenceOf(
  keys: readonly PositionKey[],
  embedding: Pick<TokenEmbedding, 'hiddenSize' | 'lookUp'>,
  rowOf: (position: number, key: string) => Float32Array | undefined,
): Sequence {
  const width = embedding.hiddenSize
  return {
    keys,
    embed: (from, to) => {
      const rows = new Float32Array((to - from) * width)
      for (let position = from; position < to; position++) {
        const row = rows.subarray(...rowAt(position - from, width))
        const key = keys[position]
        if (typeof key === 'number') embedding.lookUp(key, row)
        else if (key !== undefined) row.set(rowOf(position, key) ?? [])
      }
      return rows
    },
  }
}

/** How many leading positions two sequences share. */
export function commonPrefix(a: readonly PositionKey[], b: readonly PositionKey[]): number {
  const shorter = Math.min(a.length, b.length)
  let length = 0
  while (length < shorter && a[length] === b[length]) length++
  return length
}
