/** An answer: prefill what is new, then token by token until the model ends its message or the budget is spent. */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { decodeBeams } from './beam-decode'
import type { Context } from './context'
import { Detokeniser } from './detokenise'
import type { TokenRows } from './embedding'
import type { Begin, Choice } from './logits'
import type { Random, SamplingOptions } from './sampling'
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
  const detokeniser = new Detokeniser(model.tokenizer.decode)
  let newTokens = 0
  const say = (id: number) => {
    newTokens += 1
    emit({ type: 'token', id, text: detokeniser.push(id) })
  }
  const draft = (ids: readonly number[]) => emit({ type: 'draft', text: detokeniser.preview(ids) })
  const { endId } = model.tokenizer
  let [reused, prefilled] = [0, started]
  /** Runs the prompt and makes the first choice after it. */
  const begin = async <T>(choice: Choice<T>): Promise<T> => {
    const begun = await model.context.prefillAndChoose(sequence, choice, { boundaries, onProgress, signal })
    reused = begun.reused
    prefilled = performance.now()
    return begun.chosen
  }
  const { repetitionPenalty } = sampling
  const reason =
    search.beams > 1 && sampling.temperature === 0
      ? await decodeBeams(
          model,
          begin,
          { ...search, repetitionPenalty, endId, limit: maxNewTokens },
          { say, draft },
          signal,
        )
      : await decodeSampled(model, begin, options, say)
  const stats = {
    reusedTokens: reused,
    newTokens,
    prefillMs: prefilled - started,
    decodeMs: performance.now() - prefilled,
  }
  emit({ type: 'end', reason, text: detokeniser.flush(), stats })
}

/** One token a step. */
async function decodeSampled(
  { context, embedding, tokenizer }: LanguageModel,
  begin: Begin,
  { sampling, random, maxNewTokens, signal }: GenerateOptions,
  say: (id: number) => void,
): Promise<EndReason> {
  const said: number[] = []
  const choice: Choice<number> = (rows) => rows.sample(said, sampling, random)
  for (let id = await begin(choice); id !== tokenizer.endId; ) {
    said.push(id)
    say(id)
    await macrotask()
    throwIfAborted(signal)
    if (said.length === maxNewTokens) return 'length'
    id = await context.extendAndChoose(id, await embedding.rows([id]), choice)
  }
  return 'end'
}
