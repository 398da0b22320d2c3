/** What is done once a pack is loaded, so that the first question finds a decoder that is warm. */
import type { LanguageModel } from './generate'
import type { Choice } from './logits'
import type { Sequence } from './splice'

/** The GPU's kernels differ by how the number of positions divides by four, so as many single tokens compile them all. */
const compiledSteps = 4
/** Positions of a step's chunk while nobody asks: such as a clip's tokens and a question are run in, then single ones, as an answer is. */
const idleChunks = [16, 16, 8, 8, 1, 1, 1, 1]
/** ms that a question may have to wait for a step. */
const longestStep = 400
const greedy = { temperature: 0, topP: 1, repetitionPenalty: 1 }

/**
 * Prefills `prefix`, with which every conversation begins: work that the first question would have to do, and which has
 * the browser optimise the runtime's WASM. On a GPU it also has the kernels compiled that a further token needs.
 * Errors: device-lost
 */
export async function warmUp(
  { context, embedding, tokenizer }: LanguageModel,
  prefix: Sequence,
  backend: 'webgpu' | 'wasm',
): Promise<void> {
  const { length } = prefix.keys
  await context.fill(prefix, length)
  if (backend === 'wasm') return
  const id = tokenizer.endId
  const row = await embedding.rows([id])
  const choice: Choice<number> = (rows) => rows.sample([id], greedy, Math.random)
  for (let step = 0; step < compiledSteps; step++) await context.extendAndChoose(id, row, choice)
  context.truncate(length)
}

/**
 * Steps for the time until somebody asks, to be run one after another: the browser has optimised what a few positions ran through
 * often, and what a clip's tokens and an answer run through is more. Each leaves the context as it was. On a GPU there is nothing
 * more to do.
 * @param positionMs  what a position took so far: a decoder that is slow is not kept from a question
 */
export function idleWarmUp(
  { context, embedding, tokenizer }: LanguageModel,
  backend: 'webgpu' | 'wasm',
  positionMs: number,
): (() => Promise<void>)[] {
  if (backend !== 'wasm') return []
  const short = idleChunks.filter((rows) => rows * positionMs <= longestStep)
  return short.map((rows) => async () => {
    const { length } = context.keys
    const ids = new Array<number>(rows).fill(tokenizer.endId)
    try {
      await context.extend(ids, await embedding.rows(ids), [rows - 1])
    } finally {
      context.truncate(length)
    }
  })
}
