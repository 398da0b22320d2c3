/** What the language worker offers to the page: questions about clips whose tokens it holds are answered here. */
import type { Backend, GpuMemory, LedgerSnapshot, LoadOptions, LoadProgress } from '../protocol'

/** What of the pack's offer the prompt holds. */
export type PromptOptions = {
  /** false: not the captions of similar scenes that the pack would quote. */
  readonly quotes?: boolean
}

/** What is left out is as the pack says. */
export type GenerationOptions = PromptOptions & {
  /** At most half of the context. */
  readonly maxNewTokens?: number
  /** 0 = greedy. */
  readonly temperature?: number
  readonly topP?: number
  readonly repetitionPenalty?: number
  /** Hypotheses of a beam search, 1 to 3; more than one only where temperature is 0. */
  readonly beams?: number
  /** A finished hypothesis counts its log p divided by its length to this power. */
  readonly lengthPenalty?: number
  /** Seed of the sampler; the same seed gives the same answer on the same backend. */
  readonly seed?: number
}

export type Turn = { readonly question: string; readonly answer: string }

/** A question with its whole conversation; the worker reuses whatever prefix of it its KV cache already holds. */
export type AskRequest = {
  /** null: a text-only conversation. */
  readonly clipId: string | null
  readonly turns: readonly Turn[]
  readonly question: string
  readonly options?: GenerationOptions
  /** Nothing more will be asked about this clip: its keys and values are not kept for another visit. */
  readonly once?: boolean
}

export type AnswerStats = {
  readonly promptTokens: number
  /** Prompt tokens whose KV was already there. */
  readonly reusedTokens: number
  readonly newTokens: number
  /** Milliseconds from request to the first token's text. */
  readonly timeToFirstToken: number
  readonly prefillMs: number
  /** Decoding alone, first token excluded. */
  readonly tokensPerSecond: number
  readonly backend: Backend
  /** Oldest turns that no longer fit and were left out of the prompt. */
  readonly droppedTurns: number
  /** Hypotheses that were weighed at once; 1: greedy or sampled. */
  readonly beams: number
  /** Captions of similar scenes that the prompt quoted. */
  readonly quotes: readonly string[]
  /** The question's two phrases in the order in which the frames show them, where the prompt told it. */
  readonly order?: readonly string[] | undefined
}

export type AnswerEvent =
  | { readonly type: 'prefill'; readonly done: number; readonly total: number }
  /** Text that stays. */
  | { readonly type: 'text'; readonly text: string }
  /** What the likeliest beam would say after the text so far: not to be shown, but kept should the answer stop here. */
  | { readonly type: 'draft'; readonly text: string }
  /** `ids`: the answer's tokens, without the one that ends it. */
  | {
      readonly type: 'done'
      readonly reason: 'end' | 'length'
      readonly ids: readonly number[]
      readonly stats: AnswerStats
    }

/** One position of a teacher-forced answer. */
export type ForcedToken = {
  /** The likeliest id there. */
  readonly top: number
  /** log p of the forced id, nats. */
  readonly logP: number
}

export type LanguageInfo = {
  readonly packId: string
  readonly backend: Backend
  readonly threads: number
  readonly contextTokens: number
  /** Hypotheses that an answer search may weigh at once; 1: it has none. */
  readonly maxBeams: number
  /** Whether derived weights came from the cache. */
  readonly cached: boolean
  readonly loadMs: number
}

export type LanguageApi = {
  /** Loads tokenizer and decoder, deriving the backend's weights at first load. Errors: as VisionApi.load. */
  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<LanguageInfo>
  connect(port: MessagePort): void
  /** Streams an answer. Aborting ends it within one step. Errors: clip-unknown, context-full, aborted, device-lost. */
  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent>
  /** Mean log p (nats per token) of each text as the answer to `question` about the clip, teacher-forced. */
  score(
    clipId: string | null,
    question: string,
    texts: readonly string[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly number[]>
  /** Forces an answer's `ids` one position a step, as a first question about the clip would be answered with them. */
  force(
    clipId: string | null,
    question: string,
    ids: readonly number[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly ForcedToken[]>
  /** Prefills the clip's prefix (system prompt, visual tokens, quotes): the first question then costs only its own text. */
  prepare(clipId: string, options: PromptOptions, signal: AbortSignal): Promise<void>
  forget(clipId: string): void
  /**
   * One step, short enough for a question to wait for, of what makes the first answer as fast as later ones; whether there is more
   * to do. Called when all else is done, for as long as nobody wants the processor.
   */
  warmUp(): Promise<boolean>
  ledger(): LedgerSnapshot
  gpuMemory(): GpuMemory
}
