/** What is done once a pack is loaded, so that the first question finds a decoder that is warm. */
import type { LanguageModel } from './generate'
import type { Sequence } from './splice'

/** The GPU's kernels differ by how the number of positions divides by four, so as many single tokens compile them all. */
const compiledSteps = 4

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
  for (let step = 0; step < compiledSteps; step++) await context.extend([id], await embedding.rows([id]), [0])
  context.truncate(length)
}
