import {
  type AnswerStats,
  type EncodedClip,
  type ErrorCode,
  type ErrorData,
  type MediaInfo,
  type PackIdentity,
  ValleyError,
} from '../../workers/protocol'
import type { ChatTurn } from '../chat/reducer'
import type { Clip, SampledFrame } from '../clip/reducer'
import { type Conversation, titleOf } from '../conversations/model'
import type { Evidence } from '../moments/evidence'

export type ConversationRecord = {
  readonly id: string
  readonly name: string | null
  /** As the list shows it, so that the list needs no turns. */
  readonly title: string | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly activeClip: string | null
  /** In order. */
  readonly turns: readonly string[]
  readonly clips: readonly string[]
}

/** A turn as plain JSON: errors by code and data, no progress. */
export type PlainTurn = Pick<
  ChatTurn,
  'id' | 'clipId' | 'clipName' | 'question' | 'askedAt' | 'answer' | 'status' | 'reason' | 'segments' | 'pack'
> & {
  readonly stats: AnswerStats | null
  readonly error: { readonly code: ErrorCode; readonly data: ErrorData } | null
  readonly evidence: Evidence | null
}
export type TurnRecord = PlainTurn & { readonly conversationId: string; readonly before: PlainTurn | null }

export type PlainClip = {
  readonly id: string
  readonly name: string
  readonly media: MediaInfo | null
  readonly timestamps: readonly number[]
  readonly encoded: EncodedClip | null
  /** The pack that `encoded` and the frames come from; null: not known. */
  readonly pack: PackIdentity | null
}
export type ClipRecord = PlainClip & { readonly conversationId: string }

export type FramesRecord = { readonly clipId: string; readonly frames: readonly SampledFrame[] }

/** `copy`: the file's bytes, in the browser's storage. `handle`: where it lies on the person's disk. */
export type FileRecord = { readonly clipId: string } & (
  | { readonly kind: 'copy'; readonly blob: Blob }
  | { readonly kind: 'handle'; readonly handle: FileSystemFileHandle }
)

export const conversationRecord = (conversation: Conversation): ConversationRecord => ({
  id: conversation.id,
  name: conversation.name,
  title: titleOf(conversation),
  createdAt: conversation.createdAt,
  updatedAt: conversation.updatedAt,
  activeClip: conversation.clips.activeId,
  turns: conversation.chat.turns.map(({ id }) => id),
  clips: conversation.clips.order,
})

export function plainTurn(turn: ChatTurn): PlainTurn {
  const { prefill: _prefill, tries: _tries, before: _before, error, ...kept } = turn
  return { ...kept, error: error && { code: error.code, data: error.data } }
}

/** @param writtenSoFar  the text of the answer that is being written, which the turn does not hold yet */
export function turnRecord(conversationId: string, turn: ChatTurn, writtenSoFar?: string): TurnRecord {
  const plain = plainTurn(turn)
  return {
    ...plain,
    answer: writtenSoFar ?? plain.answer,
    conversationId,
    before: turn.before && plainTurn(turn.before),
  }
}

const thaw = ({ error, ...kept }: PlainTurn): ChatTurn => ({
  ...kept,
  error: error && new ValleyError(error.code, error.data),
  prefill: null,
  tries: null,
  before: null,
})

/**
 * A stored turn as it goes on. An answer that was being written when the page went away is kept as far as it got, as if
 * it had been stopped; a question that waited still waits. Asked anew without a word yet, an edited question waits again, a
 * repeated one is what it was before.
 */
export function turnFrom({ conversationId: _, before, ...plain }: TurnRecord): ChatTurn {
  const turn = thaw(plain)
  const running = turn.status === 'reading' || turn.status === 'writing'
  if (before && (turn.status === 'waiting' || turn.status === 'reading' || (running && turn.answer === ''))) {
    const old = thaw(before)
    if (turn.question === old.question) return old
    return { ...turn, status: 'waiting', segments: turn.segments && [], pack: null, before: old }
  }
  return running ? { ...turn, status: 'stopped' } : turn
}

export const plainClip = ({ id, name, media, timestamps, encoded, pack }: Clip): PlainClip => ({
  id,
  name,
  media,
  // Those of an encode that did not end belong to frames that are not kept.
  timestamps: encoded ? timestamps : [],
  encoded,
  pack: encoded ? pack : null,
})

/** A stored clip, not held by the engine; its file is looked for when it is shown or asked about. */
export function clipFrom({ id, name, media, timestamps, encoded, pack }: PlainClip, frames?: FramesRecord): Clip {
  const byIndex = Object.fromEntries((frames?.frames ?? []).map((frame) => [frame.index, frame]))
  const seen = { media, timestamps, frames: byIndex, encoded, pack, packBefore: null }
  return { id, name, file: null, status: 'closed', ...seen }
}

export function conversationFrom(
  record: ConversationRecord,
  turns: ReadonlyMap<string, TurnRecord>,
  clips: ReadonlyMap<string, Clip>,
): Conversation {
  const order = record.clips.filter((id) => clips.has(id))
  return {
    id: record.id,
    name: record.name,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    chat: { turns: record.turns.flatMap((id) => turns.get(id) ?? []).map(turnFrom) },
    clips: {
      order,
      clips: Object.fromEntries(order.flatMap((id) => [[id, clips.get(id)]])) as Conversation['clips']['clips'],
      activeId: record.activeClip !== null && clips.has(record.activeClip) ? record.activeClip : null,
    },
  }
}
