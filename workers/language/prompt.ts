/**
 * A conversation as the model reads it. The clip's visual tokens stand in the first user turn, before its question
 * (Valley, arXiv 2306.07207); the text before and after them is tokenised apart, as in training/prompt.py.
 */
import { type Turn, ValleyError } from '../protocol'
import type { ChatMessage, ChatTokenizer } from './tokenizer'

export type Conversation = {
  readonly system: string
  readonly turns: readonly Turn[]
  readonly question: string
  /** Positions that the clip's visual tokens take; null for a text-only conversation. */
  readonly visualLength: number | null
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

/** The pieces of a conversation, with nothing left out. */
export function conversationPieces(tokenizer: ChatTokenizer, conversation: Conversation): Piece[] {
  const { system, turns, question, visualLength } = conversation
  const mark = visualLength === null ? '' : `${sentinel}\n`
  const messages: ChatMessage[] = [{ role: 'system', content: system }]
  for (const [index, turn] of turns.entries()) {
    messages.push({ role: 'user', content: (index === 0 ? mark : '') + plainWords(turn.question, tokenizer) })
    messages.push({ role: 'assistant', content: plainWords(turn.answer, tokenizer) })
  }
  messages.push({ role: 'user', content: (turns.length === 0 ? mark : '') + plainWords(question, tokenizer) })
  const [before = '', after] = tokenizer.render(messages).split(sentinel)
  const pieces: Piece[] = [{ kind: 'text', ids: tokenizer.encode(before) }]
  if (visualLength !== null) {
    pieces.push({ kind: 'visual', length: visualLength }, { kind: 'text', ids: tokenizer.encode(after ?? '') })
  }
  return pieces
}

/** Ids that stand before the visual tokens, and before any first question: the system prompt and the user turn's head. */
export function prefixIds(tokenizer: ChatTokenizer, system: string): number[] {
  const [first] = conversationPieces(tokenizer, { system, turns: [], question: '', visualLength: 0 })
  return first?.kind === 'text' ? [...first.ids] : []
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
