/** A pack's language half in memory, whatever it came as: what the engine asks of it. */
import type { Backend, GenerationOptions, PromptOptions, Turn } from '../protocol'
import type { HeldClip } from './clips'
import type { LanguageModel } from './generate'
import type { Prefix } from './kept-prefixes'
import type { Sequence } from './splice'
import type { ChatTokenizer } from './tokenizer'

export type Conversation = { readonly turns: readonly Turn[]; readonly question: string }

/** A question with all that it is answered from, ready to be run. */
export type Composed = {
  readonly sequence: Sequence
  /** What every question about the clip begins with. */
  readonly prefix: Prefix
  /** Positions that begin a prefill chunk: where a shared prefix ends. */
  readonly boundaries: readonly number[]
  /** Oldest turns left out. */
  readonly droppedTurns: number
  /** Captions that the prompt quotes. */
  readonly quotes: readonly string[]
}

/** How the pack answers where nobody says otherwise. */
export type GenerationDefaults = Required<Omit<GenerationOptions, 'seed' | 'quotes'>>

export type LoadedModel = LanguageModel & {
  readonly packId: string
  readonly backend: Backend
  /** Positions that the KV cache may hold. */
  readonly capacity: number
  readonly tokenizer: Pick<ChatTokenizer, 'encode' | 'decode' | 'endId'>
  /** Positions of prompt and answer together. */
  readonly contextTokens: number
  /** Hypotheses that an answer search may weigh at once; 1: it has none. */
  readonly maxBeams: number
  readonly generation: GenerationDefaults
  /** Whether the derived weights were there already. */
  readonly cached: boolean
  /** Hash of everything beside its inputs that the decoder's results depend on, and of the pack. */
  readonly identity: string
  /** The conversation within `limit` positions. Errors: context-full {tokens, limit} */
  readonly compose: (
    clip: HeldClip | null,
    conversation: Conversation,
    options: PromptOptions,
    limit: number,
  ) => Promise<Composed>
  /**
   * What every conversation shares, or every one about `clip`. Chunks begin where it ends, whether or not it was
   * prefilled before: an int8 answer then does not depend on what happened to be cached.
   */
  readonly prefix: (clip: HeldClip | null, options: PromptOptions) => Promise<Prefix>
  readonly dispose: () => Promise<void>
}
