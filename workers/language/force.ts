/** Teacher forcing: how likely the model finds a text that is given, position by position. */
import { type ForcedToken, throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import type { LanguageModel } from './generate'
import { argmax, logProbability } from './sampling'
import type { Sequence } from './splice'

/**
 * Forces `ids` after `sequence` one position a step, in the very chunks of a first question that is answered with them.
 * The sequence's positions stay cached. Errors: aborted, device-lost.
 */
export async function forceAnswer(
  { context, embedding }: LanguageModel,
  sequence: Sequence,
  ids: readonly number[],
  boundaries: readonly number[],
  signal: AbortSignal,
): Promise<ForcedToken[]> {
  // What an earlier question left in other chunks would give other int8 activations.
  context.truncate(Math.min(context.keys.length, ...boundaries.slice(-1)))
  const steps: ForcedToken[] = []
  let { logits } = await context.prefill(sequence, { boundaries, signal })
  try {
    for (const [index, id] of ids.entries()) {
      steps.push({ top: argmax(logits), logP: logProbability(logits, id) })
      await macrotask()
      throwIfAborted(signal)
      if (index + 1 === ids.length) break
      logits = (await context.extend([id], await embedding.rows([id]), [0]))[0] ?? logits
    }
  } finally {
    context.truncate(Math.min(sequence.keys.length, context.keys.length))
  }
  return steps
}

/**
 * Mean log p (nats a token) of `ids` after `sequence`, many positions a step. The sequence's positions stay cached, the
 * text's do not: the next text of the same question costs only itself.
 * @param ids  at least one
 */
export async function scoreText(
  { context, embedding }: LanguageModel,
  sequence: Sequence,
  ids: readonly number[],
  boundaries: readonly number[],
  signal: AbortSignal,
): Promise<number> {
  const last = sequence.keys.length - 1
  // The last position is run with each text, so that every text is scored by the same chunks, in whatever order.
  await context.fill(sequence, last, { boundaries, signal })
  const width = embedding.hiddenSize
  const inputs = ids.slice(0, -1)
  const keys = [...sequence.keys.slice(last), ...inputs]
  const embeds = new Float32Array(keys.length * width)
  embeds.set(sequence.embed(last, last + 1))
  embeds.set(await embedding.rows(inputs), width)
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
