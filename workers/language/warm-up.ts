/** What is done once a pack is loaded, so that the first question finds a decoder that is warm. */
import type { LanguageModel } from './generate'
import type { Choice } from './logits'
import type { Sequence } from './splice'

/** The GPU's kernels differ by how the number of positions divides by four, so as many single tokens compile them all. */
const compiledSteps = 4
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
