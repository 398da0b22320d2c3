import type { EncodedClip, EncodeEvent, MediaInfo, PackIdentity } from '../../workers/protocol'

/**
 * `closed`: known, not held by the engine (put aside, or restored and not asked about yet); `locked`: the person must
 * allow reading the file again; `missing`: the file was moved, deleted or never kept. Both can be mended by the person.
 */
export type ClipStatus = 'closed' | 'opening' | 'planning' | 'encoding' | 'ready' | 'locked' | 'missing'

export type SampledFrame = {
  readonly index: number
  /** Seconds. */
  readonly timestamp: number
  readonly thumbnail: Blob
  /** The frame's CLIP vector, of length 1. */
  readonly vector: Float32Array<ArrayBuffer>
}

export type Clip = {
  readonly id: string
  readonly name: string
  /** null: not at hand (see `closed`, `locked`, `missing`). */
  readonly file: Blob | null
  readonly status: ClipStatus
  readonly media: MediaInfo | null
  /** Planned presentation timestamps in seconds, ascending; until planned those of the time before, or none. */
  readonly timestamps: readonly number[]
  /** Frames encoded so far, by index of `timestamps`. */
  readonly frames: Readonly<Record<number, SampledFrame>>
  readonly encoded: EncodedClip | null
  /** The pack that looked at it, or is looking; null: not known. */
  readonly pack: PackIdentity | null
  /** Another pack looked at it before, and it is being looked at again; null when that is done, or was taken note of. */
  readonly packBefore: PackIdentity | null
}

/** `order`: ids from first to last opened. `activeId`: the clip that is shown and that the next question is about. */
export type ClipsState = {
  readonly clips: Readonly<Record<string, Clip>>
  readonly order: readonly string[]
  readonly activeId: string | null
}

export type ClipsAction =
  /** `active: false`: one of several files opened at once, not the one to show. */
  | {
      readonly type: 'added'
      readonly id: string
      readonly name: string
      readonly file: Blob
      readonly active: boolean
    }
  | { readonly type: 'event'; readonly id: string; readonly event: EncodeEvent }
  /** It is to be encoded (again). `file` where it was found or chosen anew. */
  | { readonly type: 'reopened'; readonly id: string; readonly file?: Blob }
  | { readonly type: 'lost'; readonly id: string; readonly why: 'locked' | 'missing' }
  | { readonly type: 'chosen'; readonly id: string }
  /** The person knows that another pack looked at it before. */
  | { readonly type: 'pack-noted'; readonly id: string }
  /** The engine lets go of it; what was seen stays on show. */
  | { readonly type: 'put-aside'; readonly id: string }
  /** `show`: the clip to show where the removed one was shown; null: none. */
  | { readonly type: 'removed'; readonly id: string; readonly show: string | null }

export const noClips: ClipsState = { clips: {}, order: [], activeId: null }

/** Whether what was seen of it can answer a question now or soon, without the person doing anything. */
export const isAtHand = ({ status }: Clip): boolean => status !== 'locked' && status !== 'missing'

function changed(state: ClipsState, id: string, change: (clip: Clip) => Partial<Clip>): ClipsState {
  const clip = state.clips[id]
  return clip ? { ...state, clips: { ...state.clips, [id]: { ...clip, ...change(clip) } } } : state
}

function afterEvent(clip: Clip, event: EncodeEvent): Partial<Clip> {
  switch (event.type) {
    case 'opened':
      // Comes again when encoding began anew after a lost device or worker.
      return {
        status: 'planning',
        media: event.media,
        // What this pack knows comes again at once. Another's vectors are of no use to it.
        frames: event.fromCache && clip.pack?.hash === event.pack.hash ? clip.frames : {},
        encoded: null,
        pack: event.pack,
        packBefore: packBefore(clip, event),
      }
    case 'planned': {
      const { timestamps } = event
      return {
        status: 'encoding',
        timestamps,
        frames: timestamps.length === clip.timestamps.length ? clip.frames : {},
      }
    }
    case 'frame': {
      const { index, timestamp, thumbnail, vector } = event
      return { frames: { ...clip.frames, [index]: { index, timestamp, thumbnail, vector } } }
    }
    case 'encoded':
      return { status: 'ready', encoded: event.clip, timestamps: event.clip.timestamps, packBefore: null }
  }
}

/** What another pack knows already needs no second look, and no word about it. */
function packBefore(
  { encoded, pack, packBefore }: Clip,
  event: EncodeEvent & { readonly type: 'opened' },
): PackIdentity | null {
  if (event.fromCache) return null
  return encoded && pack && pack.hash !== event.pack.hash ? pack : packBefore
}

export function clipsReducer(state: ClipsState, action: ClipsAction): ClipsState {
  switch (action.type) {
    case 'added': {
      const { id, name, file, active } = action
      const unseen = { media: null, timestamps: [], frames: {}, encoded: null, pack: null, packBefore: null }
      const clip: Clip = { id, name, file, status: 'opening', ...unseen }
      return {
        clips: { ...state.clips, [id]: clip },
        order: [...state.order, id],
        activeId: active ? id : state.activeId,
      }
    }
    case 'event':
      return changed(state, action.id, (clip) => afterEvent(clip, action.event))
    case 'reopened':
      return changed(state, action.id, () => ({ status: 'opening', ...(action.file ? { file: action.file } : {}) }))
    case 'lost':
      return changed(state, action.id, () => ({ status: action.why, file: null }))
    case 'chosen':
      return state.clips[action.id] ? { ...state, activeId: action.id } : state
    case 'pack-noted':
      return changed(state, action.id, () => ({ packBefore: null }))
    case 'put-aside': {
      const aside = changed(state, action.id, (clip) => (isAtHand(clip) ? { status: 'closed' } : {}))
      return aside.activeId === action.id ? { ...aside, activeId: null } : aside
    }
    case 'removed': {
      const { [action.id]: removed, ...clips } = state.clips
      if (!removed) return state
      const order = state.order.filter((id) => id !== action.id)
      const show = action.show !== null && clips[action.show] ? action.show : null
      return { clips, order, activeId: state.activeId === action.id ? show : state.activeId }
    }
  }
}

export function activeClip(state: ClipsState): Clip | null {
  return state.activeId === null ? null : (state.clips[state.activeId] ?? null)
}
