/** An answer: prefill what is new, then token by token until the model ends its message or the budget is spent. */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { decodeBeams } from './beam-decode'
import type { Context } from './context'
import { Detokeniser } from './detokenise'
import type { TokenRows } from './embedding'
import { type Random, type SamplingOptions, sampleToken } from './sampling'
import type { Sequence } from './splice'
import type { ChatTokenizer } from './tokenizer'

export type GenerateOptions = {
  readonly sampling: SamplingOptions
  /** More than one beam searches where the temperature is 0; sampling knows no beams. */
  readonly search: { readonly beams: number; readonly lengthPenalty: number }
  readonly random: Random
  readonly maxNewTokens: number
  /** Positions of the prompt that begin a prefill chunk. */
  readonly boundaries: readonly number[]
  readonly signal: AbortSignal
}

export type EndReason = 'end' | 'length'

export type GenerateEvent =
  | { readonly type: 'prefill'; readonly done: number; readonly total: number }
  /** A token that stays. `text` may be empty while a character is unfinished. */
  | { readonly type: 'token'; readonly id: number; readonly text: string }
  /** How the likeliest beam goes on after the tokens so far; the next step may say otherwise. */
  | { readonly type: 'draft'; readonly text: string }
  | { readonly type: 'end'; readonly reason: EndReason; readonly text: string; readonly stats: GenerateStats }

export type GenerateStats = {
  readonly reusedTokens: number
  readonly newTokens: number
  /** Milliseconds. */
  readonly prefillMs: number
  /** Milliseconds from the end of the prefill to the end of the answer. */
  readonly decodeMs: number
}

export type LanguageModel = {
  readonly context: Context
  readonly embedding: TokenRows
  readonly tokenizer: Pick<ChatTokenizer, 'decode' | 'endId'>
}

/** Answers `sequence`; `emit` gets every event as it happens. Errors: aborted, device-lost. */
export async function generate(
  model: LanguageModel,
  sequence: Sequence,
  options: GenerateOptions,
  emit: (event: GenerateEvent) => void,
): Promise<void> {
  const { sampling, search, maxNewTokens, boundaries, signal } = options
  const started = performance.now()
  const onProgress = (done: number, total: number) => emit({ type: 'prefill', done, total })
  const { logits, reused } = await model.context.prefill(sequence, { boundaries, onProgress, signal })
  const prefilled = performance.now()
  const detokeniser = new Detokeniser(model.tokenizer.decode)
  let newTokens = 0
  const say = (id: number) => {
    newTokens += 1
    emit({ type: 'token', id, text: detokeniser.push(id) })
  }
  const draft = (ids: readonly number[]) => emit({ type: 'draft', text: detokeniser.preview(ids) })
  const { endId } = model.tokenizer
  const reason =
    search.beams > 1 && sampling.temperature === 0
      ? await decodeBeams(
          model,
          logits,
          { ...search, repetitionPenalty: sampling.repetitionPenalty, endId, limit: maxNewTokens },
          { say, draft },
          signal,
        )
      : await decodeSampled(model, logits, options, say)
  const stats = {
    reusedTokens: reused,
    newTokens,
    prefillMs: prefilled - started,
    decodeMs: performance.now() - prefilled,
  }
  emit({ type: 'end', reason, text: detokeniser.flush(), stats })
}

/** One token a step, drawn from `first` [vocabSize] and what follows. */
async function decodeSampled(
  { context, embedding, tokenizer }: LanguageModel,
  first: Float32Array,
  { sampling, random, maxNewTokens, signal }: GenerateOptions,
  say: (id: number) => void,
): Promise<EndReason> {
  const said: number[] = []
  for (let logits: Float32Array | undefined = first; logits; ) {
    const id = sampleToken(logits, said, sampling, random)
    if (id === tokenizer.endId) return 'end'
    said.push(id)
    say(id)
    await macrotask()
    throwIfAborted(signal)
    if (said.length === maxNewTokens) break
    logits = (await context.extend([id], await embedding.rows([id]), [0]))[0]
  }
  return 'length'
}
