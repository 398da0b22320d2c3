/** A question to a pack of our own: its template, the clip's visual tokens and what is quoted of similar scenes. */
import type { PackManifest } from '../packs/schema'
import type { PromptOptions } from '../protocol'
import type { HeldClip } from './clips'
import type { TokenEmbedding } from './embedding'
import type { Prefix } from './kept-prefixes'
import type { Composed, Conversation } from './loaded-model'
import { type ClipPlace, fitPrompt, hintText, prefixPieces, sharedEnds } from './prompt'
import { commonPrefix, splice } from './splice'
import type { ChatTokenizer } from './tokenizer'

export type PromptMakers = {
  readonly pack: Pick<PackManifest, 'prompt' | 'captionStore'>
  readonly tokenizer: ChatTokenizer
  readonly embedding: TokenEmbedding
}

/** Errors: context-full */
export function compose(
  makers: PromptMakers,
  clip: HeldClip | null,
  { turns, question }: Conversation,
  options: PromptOptions,
  limit: number,
): Composed {
  const { tokenizer, embedding, pack } = makers
  const quotes = quotesOf(makers, clip, options)
  const place = placeOf(makers, clip, quotes)
  const { pieces, droppedTurns } = fitPrompt(
    tokenizer,
    { system: pack.prompt.system, turns, question, clip: place },
    limit,
  )
  const sequence = splice(pieces, embedding, clip?.span ?? null)
  const prefix = composePrefix(makers, clip, options)
  // Without a clip, prefix and question are tokenised as one and may merge where they meet.
  const boundaries = clip ? prefix.boundaries : [commonPrefix(prefix.sequence.keys, sequence.keys)]
  return { sequence, prefix, boundaries, droppedTurns, quotes }
}

/** See LoadedModel.prefix. */
export function composePrefix(makers: PromptMakers, clip: HeldClip | null, options: PromptOptions): Prefix {
  const place = placeOf(makers, clip, quotesOf(makers, clip, options))
  const pieces = prefixPieces(makers.tokenizer, makers.pack.prompt.system, place)
  return { sequence: splice(pieces, makers.embedding, clip?.span ?? null), boundaries: sharedEnds(pieces) }
}

function quotesOf({ pack }: PromptMakers, clip: HeldClip | null, { quotes }: PromptOptions): readonly string[] {
  return clip && pack.captionStore && quotes !== false ? clip.quotes : []
}

function placeOf({ pack }: PromptMakers, clip: HeldClip | null, quotes: readonly string[]): ClipPlace | null {
  return clip && { visualLength: clip.span.length, hint: hintText(pack.captionStore?.intro ?? '', quotes) }
}
