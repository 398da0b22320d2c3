/** Texts to token ids for the text tower, through transformers.js from files that were verified before. */
import { ValleyError } from '../protocol'

export type TextTokenizer = {
  /** Ids with the special tokens that the tower was trained with around them. */
  readonly encode: (text: string) => number[]
  readonly paddingId: number
}

/** Errors: pack-invalid */
export async function openTextTokenizer(tokenizer: Uint8Array, config: Uint8Array): Promise<TextTokenizer> {
  const { env, PreTrainedTokenizer } = await import('@huggingface/transformers')
  env.allowRemoteModels = false
  env.allowLocalModels = false
  try {
    const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    const opened = new PreTrainedTokenizer(parse(tokenizer), parse(config))
    return { encode: (text) => opened.encode(text), paddingId: (opened.pad_token_id as number | undefined) ?? 0 }
  } catch (thrown) {
    const problems = ['not a tokenizer']
    throw new ValleyError('pack-invalid', { path: 'textTower', problems }, { cause: thrown })
  }
}

/** At most `limit` ids: a longer text loses words at its end but keeps the token that closes it, as in training. */
export function cutTokens(ids: readonly number[], limit: number): number[] {
  return ids.length <= limit ? [...ids] : [...ids.slice(0, limit - 1), ids.at(-1) as number]
}

export type TokenBatch = {
  /** Which of the texts stand here, in the order of the rows. */
  readonly members: readonly number[]
  /** Length of every row. */
  readonly length: number
  /** [members, length], padded at the end. */
  readonly ids: BigInt64Array
  /** The same shape: 1 for tokens, 0 for padding. */
  readonly mask: BigInt64Array
}

/** Batches of at most `most` texts, texts of like length together, so that little is padded. */
export function batchTokens(texts: readonly (readonly number[])[], most: number, paddingId: number): TokenBatch[] {
  const order = texts.map((_, at) => at).sort((a, b) => lengthOf(texts, a) - lengthOf(texts, b) || a - b)
  const batches: TokenBatch[] = []
  for (let from = 0; from < order.length; from += most) {
    const members = order.slice(from, from + most)
    const length = Math.max(...members.map((member) => lengthOf(texts, member)))
    const ids = new BigInt64Array(members.length * length).fill(BigInt(paddingId))
    const mask = new BigInt64Array(members.length * length)
    for (const [row, member] of members.entries()) {
      for (const [column, id] of (texts[member] ?? []).entries()) {
        ids[row * length + column] = BigInt(id)
        mask[row * length + column] = 1n
      }
    }
    batches.push({ members, length, ids, mask })
  }
  return batches
}

const lengthOf = (texts: readonly (readonly number[])[], at: number) => texts[at]?.length ?? 0
