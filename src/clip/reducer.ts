import type { EncodedClip, EncodeEvent, MediaInfo } from '../../workers/protocol'

export type ClipStatus = 'opening' | 'encoding' | 'ready'

export type SampledFrame = { readonly index: number; readonly timestamp: number; readonly thumbnail: Blob }

export type Clip = {
  readonly id: string
  readonly name: string
  readonly file: Blob
  readonly status: ClipStatus
  readonly media: MediaInfo | null
  /** Planned presentation timestamps in seconds, ascending; empty until planned. */
  readonly timestamps: readonly number[]
  /** Frames encoded so far, by index of `timestamps`. */
  readonly frames: Readonly<Record<number, SampledFrame>>
  readonly encoded: EncodedClip | null
}

/** `order`: ids from first to last opened. */
export type ClipsState = {
  readonly clips: Readonly<Record<string, Clip>>
  readonly order: readonly string[]
  readonly activeId: string | null
}

export type ClipsAction =
  | { readonly type: 'added'; readonly id: string; readonly name: string; readonly file: Blob }
  | { readonly type: 'event'; readonly id: string; readonly event: EncodeEvent }
  /** Frames are to be sampled anew. */
  | { readonly type: 'resampled'; readonly id: string }
  | { readonly type: 'removed'; readonly id: string }

export const noClips: ClipsState = { clips: {}, order: [], activeId: null }

function changed(state: ClipsState, id: string, change: (clip: Clip) => Clip): ClipsState {
  const clip = state.clips[id]
  return clip ? { ...state, clips: { ...state.clips, [id]: change(clip) } } : state
}

function afterEvent(clip: Clip, event: EncodeEvent): Clip {
  switch (event.type) {
    case 'opened':
      // Comes again when encoding began anew after a lost device or worker.
      return { ...clip, status: 'encoding', media: event.media, timestamps: [], frames: {}, encoded: null }
    case 'planned':
      return { ...clip, timestamps: event.timestamps }
    case 'frame': {
      const { index, timestamp, thumbnail } = event
      return { ...clip, frames: { ...clip.frames, [index]: { index, timestamp, thumbnail } } }
    }
    case 'encoded':
      return { ...clip, status: 'ready', encoded: event.clip, timestamps: event.clip.timestamps }
  }
}

export function clipsReducer(state: ClipsState, action: ClipsAction): ClipsState {
  switch (action.type) {
    case 'added': {
      const { id, name, file } = action
      const clip: Clip = {
        id,
        name,
        file,
        status: 'opening',
        media: null,
        timestamps: [],
        frames: {},
        encoded: null,
      }
      return { clips: { ...state.clips, [id]: clip }, order: [...state.order, id], activeId: id }
    }
    case 'event':
      return changed(state, action.id, (clip) => afterEvent(clip, action.event))
    case 'resampled':
      return changed(state, action.id, (clip) => ({
        ...clip,
        status: 'opening',
        timestamps: [],
        frames: {},
        encoded: null,
      }))
    case 'removed': {
      const { [action.id]: removed, ...clips } = state.clips
      if (!removed) return state
      const order = state.order.filter((id) => id !== action.id)
      return { clips, order, activeId: state.activeId === action.id ? (order.at(-1) ?? null) : state.activeId }
    }
  }
}

export function activeClip(state: ClipsState): Clip | null {
  return state.activeId === null ? null : (state.clips[state.activeId] ?? null)
}
