import type { AnswerStats, PackIdentity, Turn, ValleyError } from '../../workers/protocol'
import type { Evidence } from '../moments/evidence'
import type { Segment } from '../moments/segments'

/** `waiting`: for its clip; `reading`: sent to the engine, no text yet; `writing`: text arrives (see LiveAnswer). */
export type TurnStatus = 'waiting' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed'

export type ChatTurn = {
  readonly id: string
  /** The clip it is about; null: it waits for a clip to be opened. */
  readonly clipId: string | null
  /** The clip's name, which outlives the clip. */
  readonly clipName: string | null
  readonly question: string
  /** When it was asked, ms since the epoch. */
  readonly askedAt: number
  /** Filled when the turn ends; while it is written the text lives in LiveAnswer. */
  readonly answer: string
  readonly status: TurnStatus
  /** Prompt tokens read so far, and in all. */
  readonly prefill: { readonly done: number; readonly total: number } | null
  /** `length`: the answer was cut at its longest. */
  readonly reason: 'end' | 'length' | null
  readonly stats: AnswerStats | null
  /** The pack that answers or answered; null: not sent yet, or not known. */
  readonly pack: PackIdentity | null
  readonly error: ValleyError | null
  /** The frames nearest to what the answer says; null until known, and where the pack cannot tell. */
  readonly evidence: Evidence | null
  /** The question is asked of each part of the clip in turn: the answers so far, in order. null: of the clip as a whole. */
  readonly segments: readonly Segment[] | null
  /** How many answers were sampled so far of those to choose from; null where none are. */
  readonly tries: { readonly done: number; readonly total: number } | null
  /** The turn as it was, which stands again where asking anew comes to nothing. */
  readonly before: ChatTurn | null
}

/** Oldest first. */
export type ChatState = { readonly turns: readonly ChatTurn[] }

/** Turns in a row about the same clip. */
export type Section = {
  readonly id: string
  readonly clipId: string | null
  readonly clipName: string | null
  readonly turns: readonly ChatTurn[]
}

type About = { readonly clipId: string; readonly name: string }
type Answer = { readonly answer: string; readonly reason: 'end' | 'length'; readonly stats: AnswerStats | null }

export type ChatAction =
  | {
      readonly type: 'asked'
      readonly turnId: string
      readonly question: string
      readonly about: About | null
      readonly at: number
      /** Of each part of the clip. */
      readonly byParts?: boolean
    }
  /** Questions that wait for a clip are about this one. */
  | ({ readonly type: 'clip-opened' } & About)
  /** The clip could not be opened. With `fallback` its questions fail, without they wait for another clip. */
  | { readonly type: 'clip-failed'; readonly clipId: string; readonly error: ValleyError; readonly fallback: boolean }
  | { readonly type: 'sent'; readonly turnId: string; readonly pack: PackIdentity | null }
  | { readonly type: 'prefilled'; readonly turnId: string; readonly done: number; readonly total: number }
  | { readonly type: 'writing'; readonly turnId: string }
  | ({ readonly type: 'finished'; readonly turnId: string } & Answer)
  | { readonly type: 'stopped'; readonly turnId: string; readonly answer: string }
  | { readonly type: 'failed'; readonly turnId: string; readonly answer: string; readonly error: ValleyError }
  /** It is asked anew. What follows it goes once the new answer begins. */
  | {
      readonly type: 'asked-anew'
      readonly turnId: string
      readonly question: string
      readonly about: About | null
    }
  /** Several answers are to be sampled; the one there is stays until a better one is chosen. */
  | {
      readonly type: 'trying'
      readonly turnId: string
      readonly done: number
      readonly total: number
      readonly pack: PackIdentity | null
    }
  /** All of them, in place of those before. */
  | { readonly type: 'segments-found'; readonly turnId: string; readonly segments: readonly Segment[] }
  | { readonly type: 'evidence-found'; readonly turnId: string; readonly evidence: Evidence }
  | { readonly type: 'cleared' }

export const emptyChat: ChatState = { turns: [] }

type Fresh = Pick<ChatTurn, 'id' | 'clipId' | 'clipName' | 'question' | 'askedAt' | 'segments'>

const freshTurn = (of: Fresh, before: ChatTurn | null = null): ChatTurn => ({
  ...of,
  answer: '',
  status: 'waiting',
  prefill: null,
  reason: null,
  stats: null,
  pack: null,
  error: null,
  evidence: null,
  tries: null,
  before,
})

export const hasEnded = ({ status }: ChatTurn): boolean =>
  status === 'done' || status === 'stopped' || status === 'failed'

function withTurn(state: ChatState, turnId: string, change: (turn: ChatTurn) => Partial<ChatTurn>): ChatState {
  if (!findTurn(state, turnId)) return state
  return { turns: state.turns.map((turn) => (turn.id === turnId ? { ...turn, ...change(turn) } : turn)) }
}

/** Without the turns after `turnId`, where that one is asked anew: they followed from what is replaced now. */
function withoutStale(state: ChatState, turnId: string): ChatState {
  const at = state.turns.findIndex((turn) => turn.id === turnId)
  const turn = state.turns[at]
  // The turn before has its word until an answer of the new one exists.
  return turn?.before && !turn.tries ? { turns: state.turns.slice(0, at + 1) } : state
}

/** A failure, and an end without a word of its own, give back what stood there before. */
function ended(turn: ChatTurn, change: Partial<ChatTurn> & { readonly answer: string }): Partial<ChatTurn> {
  if (turn.before && (turn.tries || change.error || change.answer === ''))
    return { ...turn.before, error: change.error ?? turn.before.error }
  return { ...change, before: null, tries: null }
}

export function chatReducer(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case 'asked': {
      const { turnId: id, question, about, at: askedAt, byParts } = action
      const segments = byParts ? [] : null
      const fresh = { id, question, askedAt, segments, clipId: about?.clipId ?? null, clipName: about?.name ?? null }
      return { turns: [...state.turns, freshTurn(fresh)] }
    }
    case 'clip-opened': {
      const { clipId, name: clipName } = action
      if (!state.turns.some((turn) => turn.status === 'waiting' && turn.clipId === null)) return state
      return {
        turns: state.turns.map((turn) =>
          turn.status === 'waiting' && turn.clipId === null ? { ...turn, clipId, clipName } : turn,
        ),
      }
    }
    case 'clip-failed': {
      const { clipId, error, fallback } = action
      const waits = (turn: ChatTurn) => turn.status === 'waiting' && turn.clipId === clipId
      if (!state.turns.some(waits)) return state
      const change = (turn: ChatTurn): ChatTurn =>
        fallback ? { ...turn, status: 'failed', error } : { ...turn, clipId: null, clipName: null }
      return { turns: state.turns.map((turn) => (waits(turn) ? change(turn) : turn)) }
    }
    case 'sent':
      return withTurn(state, action.turnId, () => ({
        status: 'reading',
        prefill: null,
        error: null,
        pack: action.pack,
      }))
    case 'prefilled': {
      const { done, total } = action
      return withTurn(state, action.turnId, () => ({ prefill: { done, total } }))
    }
    case 'writing':
      return withTurn(withoutStale(state, action.turnId), action.turnId, () => ({ status: 'writing' }))
    case 'finished': {
      const { answer, reason, stats } = action
      const done = { status: 'done', answer, reason, stats, evidence: null, before: null, tries: null } as const
      return withTurn(withoutStale(state, action.turnId), action.turnId, () => done)
    }
    case 'stopped':
      return withTurn(state, action.turnId, (turn) => ended(turn, { status: 'stopped', answer: action.answer }))
    case 'failed': {
      const { answer, error } = action
      return withTurn(state, action.turnId, (turn) => ended(turn, { status: 'failed', answer, error }))
    }
    case 'asked-anew': {
      const { question, about } = action
      return withTurn(state, action.turnId, (turn) => {
        const { id, askedAt } = turn
        const segments = turn.segments && []
        const fresh = { id, askedAt, question, segments, clipId: about?.clipId ?? null, clipName: about?.name ?? null }
        return freshTurn(fresh, hasEnded(turn) ? turn : turn.before)
      })
    }
    case 'trying': {
      const { done, total, pack } = action
      return withTurn(state, action.turnId, (turn) => ({
        status: 'reading',
        pack,
        tries: { done, total },
        before: turn.before ?? turn,
      }))
    }
    case 'segments-found':
      return withTurn(withoutStale(state, action.turnId), action.turnId, () => ({
        status: 'writing',
        segments: action.segments,
      }))
    case 'evidence-found':
      return withTurn(state, action.turnId, () => ({ evidence: action.evidence }))
    case 'cleared':
      return emptyChat
  }
}

export function findTurn(state: ChatState, turnId: string): ChatTurn | undefined {
  return state.turns.find((turn) => turn.id === turnId)
}

/** The turns as sections, in order; the first turn's id names the section, so that lists keep their items apart. */
export function sectionsOf({ turns }: ChatState): Section[] {
  const sections: (Section & { turns: ChatTurn[] })[] = []
  for (const turn of turns) {
    const last = sections.at(-1)
    if (last && last.clipId === turn.clipId) last.turns.push(turn)
    else sections.push({ id: turn.id, clipId: turn.clipId, clipName: turn.clipName, turns: [turn] })
  }
  return sections
}

/** How many turns go when this one is asked anew. */
export function turnsAfter({ turns }: ChatState, turnId: string): number {
  const at = turns.findIndex((turn) => turn.id === turnId)
  return at < 0 ? 0 : turns.length - at - 1
}

/**
 * What was said about the same clip before `turnId`: turns that have an answer, stopped ones as far as they got. Not what
 * was said of its parts: it is long, and was said of other frames than those of the clip as a whole.
 */
export function historyBefore(state: ChatState, turnId: string): Turn[] {
  const clipId = findTurn(state, turnId)?.clipId
  const end = state.turns.findIndex((turn) => turn.id === turnId)
  return state.turns
    .slice(0, Math.max(0, end))
    .filter((turn) => turn.clipId === clipId && (turn.status === 'done' || turn.status === 'stopped'))
    .filter(({ answer, segments }) => answer !== '' && segments === null)
    .map(({ question, answer }) => ({ question, answer }))
}
