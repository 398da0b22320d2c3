import type { AnswerStats, Turn, ValleyError } from '../../workers/protocol'

/** `waiting`: for its clip; `reading`: sent to the engine, no text yet; `writing`: text arrives (see LiveAnswer). */
export type TurnStatus = 'waiting' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed'

export type ChatTurn = {
  readonly id: string
  readonly question: string
  /** Filled when the turn ends; while it is written the text lives in LiveAnswer. */
  readonly answer: string
  readonly status: TurnStatus
  /** Prompt tokens read so far, and in all. */
  readonly prefill: { readonly done: number; readonly total: number } | null
  /** `length`: the answer was cut at its longest. */
  readonly reason: 'end' | 'length' | null
  readonly stats: AnswerStats | null
  readonly error: ValleyError | null
}

/** The turns about one clip. `clipId` null: questions that wait for a clip to be opened. */
export type Section = {
  readonly id: string
  readonly clipId: string | null
  readonly clipName: string | null
  readonly turns: readonly ChatTurn[]
}

export type ChatState = { readonly sections: readonly Section[] }

export type ChatAction =
  | { readonly type: 'asked'; readonly turnId: string; readonly question: string }
  | { readonly type: 'clip-opened'; readonly clipId: string; readonly name: string }
  /** The clip could not be opened; `fallback` is the clip that is shown again instead. */
  | {
      readonly type: 'clip-failed'
      readonly clipId: string
      readonly error: ValleyError
      readonly fallback: { readonly clipId: string; readonly name: string } | null
    }
  /** The clip was closed; what follows waits for another. */
  | { readonly type: 'clip-closed'; readonly clipId: string }
  | { readonly type: 'sent'; readonly turnId: string }
  | { readonly type: 'prefilled'; readonly turnId: string; readonly done: number; readonly total: number }
  | { readonly type: 'writing'; readonly turnId: string }
  | {
      readonly type: 'finished'
      readonly turnId: string
      readonly answer: string
      readonly reason: 'end' | 'length'
      readonly stats: AnswerStats
    }
  | { readonly type: 'stopped'; readonly turnId: string; readonly answer: string }
  | { readonly type: 'failed'; readonly turnId: string; readonly answer: string; readonly error: ValleyError }
  | { readonly type: 'asked-again'; readonly turnId: string }
  | { readonly type: 'cleared' }

export const emptyChat: ChatState = { sections: [] }

const freshTurn = (id: string, question: string): ChatTurn => ({
  id,
  question,
  answer: '',
  status: 'waiting',
  prefill: null,
  reason: null,
  stats: null,
  error: null,
})

const section = (
  state: ChatState,
  clipId: string | null,
  clipName: string | null,
  turns: readonly ChatTurn[] = [],
) => ({
  id: `section-${state.sections.length}-${clipId ?? 'none'}`,
  clipId,
  clipName,
  turns,
})

const onlyWaits = ({ turns }: Section) => turns.every((turn) => turn.status === 'waiting')

function withLast(state: ChatState, last: Section): ChatState {
  return { sections: [...state.sections.slice(0, -1), last] }
}

function withTurn(state: ChatState, turnId: string, change: (turn: ChatTurn) => Partial<ChatTurn>): ChatState {
  return {
    sections: state.sections.map((s) =>
      s.turns.some((turn) => turn.id === turnId)
        ? { ...s, turns: s.turns.map((turn) => (turn.id === turnId ? { ...turn, ...change(turn) } : turn)) }
        : s,
    ),
  }
}

/** Takes the clip into the last section if all of that still waits, else begins a new one. */
function openSection(state: ChatState, clipId: string, clipName: string): ChatState {
  const last = state.sections.at(-1)
  if (last && onlyWaits(last)) return withLast(state, { ...last, clipId, clipName })
  return { sections: [...state.sections, section(state, clipId, clipName)] }
}

function failClip(state: ChatState, action: ChatAction & { type: 'clip-failed' }): ChatState {
  const last = state.sections.at(-1)
  if (last?.clipId !== action.clipId) return state
  const { fallback, error } = action
  if (!fallback) {
    // Its questions wait for the next clip; what was already answered stays with the old one.
    if (onlyWaits(last)) return withLast(state, { ...last, clipId: null, clipName: null })
    return { sections: [...state.sections, section(state, null, null)] }
  }
  const turns = last.turns.map(
    (turn): ChatTurn => (turn.status === 'waiting' ? { ...turn, status: 'failed', error } : turn),
  )
  if (turns.length > 0) {
    const failed = withLast(state, { ...last, turns })
    return { sections: [...failed.sections, section(failed, fallback.clipId, fallback.name)] }
  }
  const before: ChatState = { sections: state.sections.slice(0, -1) }
  if (before.sections.at(-1)?.clipId === fallback.clipId) return before
  return { sections: [...before.sections, section(before, fallback.clipId, fallback.name)] }
}

export function chatReducer(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case 'asked': {
      const last = state.sections.at(-1) ?? section(state, null, null)
      return withLast(state, { ...last, turns: [...last.turns, freshTurn(action.turnId, action.question)] })
    }
    case 'clip-opened':
      return openSection(state, action.clipId, action.name)
    case 'clip-failed':
      return failClip(state, action)
    case 'clip-closed': {
      const last = state.sections.at(-1)
      if (last?.clipId !== action.clipId) return state
      // Also where it is empty: without it, the next question would go to the section of a clip that is gone.
      if (onlyWaits(last)) return withLast(state, { ...last, clipId: null, clipName: null })
      return { sections: [...state.sections, section(state, null, null)] }
    }
    case 'sent':
      return withTurn(state, action.turnId, () => ({ status: 'reading', prefill: null }))
    case 'prefilled': {
      const { done, total } = action
      return withTurn(state, action.turnId, () => ({ prefill: { done, total } }))
    }
    case 'writing':
      return withTurn(state, action.turnId, () => ({ status: 'writing' }))
    case 'finished': {
      const { answer, reason, stats } = action
      return withTurn(state, action.turnId, () => ({ status: 'done', answer, reason, stats }))
    }
    case 'stopped':
      return withTurn(state, action.turnId, () => ({ status: 'stopped', answer: action.answer }))
    case 'failed':
      return withTurn(state, action.turnId, () => ({ status: 'failed', answer: action.answer, error: action.error }))
    case 'asked-again':
      return withTurn(state, action.turnId, (turn) => freshTurn(turn.id, turn.question))
    case 'cleared': {
      const last = state.sections.at(-1)
      return last?.clipId ? { sections: [{ ...last, turns: [] }] } : emptyChat
    }
  }
}

export function findTurn(state: ChatState, turnId: string): { turn: ChatTurn; section: Section } | undefined {
  for (const s of state.sections) {
    const turn = s.turns.find((candidate) => candidate.id === turnId)
    if (turn) return { turn, section: s }
  }
  return undefined
}

/** The oldest question that was not sent yet. */
export function nextWaiting(state: ChatState): { turn: ChatTurn; section: Section } | undefined {
  for (const s of state.sections) {
    const turn = s.turns.find((candidate) => candidate.status === 'waiting')
    if (turn) return { turn, section: s }
  }
  return undefined
}

export function lastTurn(state: ChatState): ChatTurn | undefined {
  return state.sections.at(-1)?.turns.at(-1)
}

/** What was said about the same clip before `turnId`: turns that have an answer, stopped ones as far as they got. */
export function historyBefore(state: ChatState, turnId: string): Turn[] {
  const clipId = findTurn(state, turnId)?.section.clipId
  const turns = state.sections.filter((s) => s.clipId === clipId).flatMap((s) => s.turns)
  const end = turns.findIndex((turn) => turn.id === turnId)
  return turns
    .slice(0, Math.max(0, end))
    .filter(({ status, answer }) => (status === 'done' || status === 'stopped') && answer !== '')
    .map(({ question, answer }) => ({ question, answer }))
}
