/**
 * A conversation as the model reads it. The clip's visual tokens stand in the first user turn, before its question
 * (Valley, arXiv 2306.07207), and after them what the pack quotes of similar scenes (SmallCap, arXiv 2209.15323). The
 * text before, the quotes and the text after are tokenised apart, as in training/prompt.py.
 */
import { type Turn, ValleyError } from '../protocol'
import type { ChatMessage, ChatTokenizer } from './tokenizer'

export type Conversation = {
  readonly system: string
  readonly turns: readonly Turn[]
  readonly question: string
  /** null: a text-only conversation. */
  readonly clip: ClipPlace | null
}

export type ClipPlace = {
  /** Positions that the clip's visual tokens take. */
  readonly visualLength: number
  /** What is quoted after them (`hintText`); empty: nothing. */
  readonly hint: string
}

/** A run of token ids, or the place of the clip's visual tokens. */
export type Piece =
  | { readonly kind: 'text'; readonly ids: readonly number[] }
  | { readonly kind: 'visual'; readonly length: number }

export type Prompt = {
  readonly pieces: readonly Piece[]
  /** Positions in all. */
  readonly length: number
  /** Oldest turns left out. */
  readonly droppedTurns: number
}

/** Marks the visual tokens' place while the template is rendered; private-use, and taken out of people's words. */
const sentinel = '\u{f8ff}visual\u{f8ff}'

/** A person's words without anything that the template or the tokenizer would take as structure. */
export function plainWords(text: string, tokenizer: Pick<ChatTokenizer, 'specialTokens'>): string {
  let words = text.replaceAll('\u{f8ff}', '')
  // Again until nothing changes: taking one token out can bring another together.
  for (let before = ''; before !== words; ) {
    before = words
    for (const token of tokenizer.specialTokens) words = words.replaceAll(token, '')
  }
  return words
}

/** Captions quoted after a clip's visual tokens; nothing at all where there are none. */
export function hintText(intro: string, quotes: readonly string[]): string {
  return quotes.length === 0 ? '' : `\n${intro} ${quotes.join(' ')}`
}

/** What stands where the clip stands: part of it, so that no turn that is dropped takes it along. */
function clipPieces(tokenizer: Pick<ChatTokenizer, 'encode'>, { visualLength, hint }: ClipPlace): Piece[] {
  const visual: Piece = { kind: 'visual', length: visualLength }
  return hint === '' ? [visual] : [visual, { kind: 'text', ids: tokenizer.encode(hint) }]
}

/** The pieces of a conversation, with nothing left out. */
export function conversationPieces(tokenizer: ChatTokenizer, conversation: Conversation): Piece[] {
  const { system, turns, question, clip } = conversation
  const mark = clip === null ? '' : `${sentinel}\n`
  const messages: ChatMessage[] = [{ role: 'system', content: system }]
  for (const [index, turn] of turns.entries()) {
    messages.push({ role: 'user', content: (index === 0 ? mark : '') + plainWords(turn.question, tokenizer) })
    messages.push({ role: 'assistant', content: plainWords(turn.answer, tokenizer) })
  }
  messages.push({ role: 'user', content: (turns.length === 0 ? mark : '') + plainWords(question, tokenizer) })
  const [before = '', after] = tokenizer.render(messages).split(sentinel)
  const pieces: Piece[] = [{ kind: 'text', ids: tokenizer.encode(before) }]
  if (clip) pieces.push(...clipPieces(tokenizer, clip), { kind: 'text', ids: tokenizer.encode(after ?? '') })
  return pieces
}

/** The pieces that every conversation shares, or every one about the clip: system prompt, user turn's head, clip. */
export function prefixPieces(tokenizer: ChatTokenizer, system: string, clip: ClipPlace | null): Piece[] {
  const place = clip ?? { visualLength: 0, hint: '' }
  const pieces = conversationPieces(tokenizer, { system, turns: [], question: '', clip: place })
  return pieces.slice(0, clip ? -1 : 1)
}

/** Positions at which a shared prefix of the conversation ends: before the clip, after its tokens, after its quotes. */
export function sharedEnds(prefix: readonly Piece[]): number[] {
  let end = 0
  return prefix.map((piece) => {
    end += pieceLength(piece)
    return end
  })
}

/**
 * The conversation within `limit` positions: the oldest turns are dropped until it fits, the clip never.
 * Errors: context-full {tokens, limit} where the question alone does not fit beside the clip.
 */
export function fitPrompt(tokenizer: ChatTokenizer, conversation: Conversation, limit: number): Prompt {
  for (let droppedTurns = 0; ; droppedTurns++) {
    const turns = conversation.turns.slice(droppedTurns)
    const pieces = conversationPieces(tokenizer, { ...conversation, turns })
    const length = pieces.reduce((sum, piece) => sum + pieceLength(piece), 0)
    if (length <= limit) return { pieces, length, droppedTurns }
    if (turns.length === 0) throw new ValleyError('context-full', { tokens: length, limit })
  }
}

export const pieceLength = (piece: Piece) => (piece.kind === 'text' ? piece.ids.length : piece.length)
