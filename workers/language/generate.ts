/** The answer loop: prefill what is new, then one token a step until the model ends its message or the budget is spent. */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import type { Context } from './context'
import { Detokeniser } from './detokenise'
import type { TokenEmbedding } from './embedding'
import { logProbability, type Random, type SamplingOptions, sampleToken } from './sampling'
import type { Sequence } from './splice'
import type { ChatTokenizer } from './tokenizer'

export type GenerateOptions = {
  readonly sampling: SamplingOptions
  readonly random: Random
  readonly maxNewTokens: number
  /** Positions of the prompt that begin a prefill chunk. */
  readonly boundaries: readonly number[]
  readonly signal: AbortSignal
}

export type GenerateEvent =
  | { readonly type: 'prefill'; readonly done: number; readonly total: number }
  /** `text` may be empty while a character is unfinished. */
  | { readonly type: 'token'; readonly id: number; readonly text: string }
  | { readonly type: 'end'; readonly reason: 'end' | 'length'; readonly text: string; readonly stats: GenerateStats }

export type GenerateStats = {
  readonly reusedTokens: number
  readonly newTokens: number
  /** Milliseconds. */
  readonly prefillMs: number
  /** Milliseconds from the first token to the last. */
  readonly decodeMs: number
}

export type LanguageModel = {
  readonly context: Context
  readonly embedding: TokenEmbedding
  readonly tokenizer: ChatTokenizer
}

/** Answers `sequence`; `emit` gets every event as it happens. Errors: aborted, device-lost. */
export async function generate(
  model: LanguageModel,
  sequence: Sequence,
  options: GenerateOptions,
  emit: (event: GenerateEvent) => void,
): Promise<void> {
  const { context, embedding, tokenizer } = model
  const { sampling, random, maxNewTokens, boundaries, signal } = options
  const started = performance.now()
  const onProgress = (done: number, total: number) => emit({ type: 'prefill', done, total })
  const { logits, reused } = await context.prefill(sequence, { boundaries, onProgress, signal })
  const prefilled = performance.now()
  const detokeniser = new Detokeniser(tokenizer.decode)
  const said: number[] = []
  let firstToken = prefilled
  let next: Float32Array | undefined = logits
  let reason: 'end' | 'length' = 'length'
  while (next) {
    const id = sampleToken(next, said, sampling, random)
    if (id === tokenizer.endId) {
      reason = 'end'
      break
    }
    said.push(id)
    if (said.length === 1) firstToken = performance.now()
    emit({ type: 'token', id, text: detokeniser.push(id) })
    await macrotask()
    throwIfAborted(signal)
    if (said.length === maxNewTokens) break
    const row = new Float32Array(embedding.hiddenSize)
    embedding.lookUp(id, row)
    next = (await context.extend([id], row, [0]))[0]
  }
  const stats = {
    reusedTokens: reused,
    newTokens: said.length,
    prefillMs: prefilled - started,
    decodeMs: performance.now() - firstToken,
  }
  emit({ type: 'end', reason, text: detokeniser.flush(), stats })
}

/**
 * Mean log p (nats a token) of `ids` after `sequence`, teacher-forced. The sequence's positions stay cached, the text's
 * do not: the next text of the same question costs only itself.
 * @param ids  at least one
 */
export async function scoreText(
  model: LanguageModel,
  sequence: Sequence,
  ids: readonly number[],
  boundaries: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const { context, embedding } = model
  const last = sequence.keys.length - 1
  // The last position is run with each text, so that every text is scored by the same chunks, in whatever order.
  await context.fill(sequence, last, { boundaries, signal })
  const width = embedding.hiddenSize
  const keys = [...sequence.keys.slice(last), ...ids.slice(0, -1)]
  const embeds = new Float32Array(keys.length * width)
  embeds.set(sequence.embed(last, last + 1))
  for (const [row, id] of ids.slice(0, -1).entries()) embedding.lookUp(id, embeds.subarray((row + 1) * width))
  let sum = 0
  try {
    for (let from = 0; from < ids.length; from += scoreChunk) {
      await macrotask()
      throwIfAborted(signal)
      const to = Math.min(from + scoreChunk, ids.length)
      const rows = Array.from({ length: to - from }, (_, row) => row)
      const logits = await context.extend(keys.slice(from, to), embeds.subarray(from * width, to * width), rows)
      for (const [row, result] of logits.entries()) sum += logProbability(result, ids[from + row] ?? 0)
    }
  } finally {
    context.truncate(Math.min(last, context.keys.length))
  }
  return sum / ids.length
}

/** Rows of logits held at once: 32 of a 49k vocabulary are 6 MB. */
const scoreChunk = 32
