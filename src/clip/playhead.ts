/** Where the player stands, where it shall go, and which moments are pointed at: shared by player, strip, curve and answers. */

export type PlayheadState = {
  /** The clip whose player reported last. */
  readonly clipId: string | null
  /** Its present moment, in seconds. */
  readonly seconds: number
  /** Where somebody wants to go; counts up so that the same place can be asked for twice. */
  readonly sought: { readonly clipId: string; readonly seconds: number; readonly count: number } | null
  /** Moments that something on the screen points at (an answer's evidence under the pointer), to be marked in the strip. */
  readonly pointed: { readonly clipId: string; readonly timestamps: readonly number[] } | null
}

type Player = (seconds: number) => void

/** One for the page. A seek in a clip whose player is not on screen is kept until that player attaches. */
export class Playhead {
  readonly #listeners = new Set<() => void>()
  readonly #players = new Map<string, Player>()
  #pending: { clipId: string; seconds: number } | null = null
  #state: PlayheadState = { clipId: null, seconds: 0, sought: null, pointed: null }

  getSnapshot = (): PlayheadState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Goes to a moment of a clip. `sought` tells whoever shows clips that this one is wanted. */
  seek(clipId: string, seconds: number): void {
    const player = this.#players.get(clipId)
    this.#pending = player ? null : { clipId, seconds }
    player?.(seconds)
    const count = (this.#state.sought?.count ?? 0) + 1
    this.#update({ sought: { clipId, seconds, count }, ...(player ? { clipId, seconds } : {}) })
  }

  /** The player of a clip is on screen; returns the way to take it off. A seek that waited for it happens now. */
  attach(clipId: string, player: Player): () => void {
    this.#players.set(clipId, player)
    this.#update({ clipId, seconds: 0 })
    const pending = this.#pending
    if (pending?.clipId === clipId) this.seek(clipId, pending.seconds)
    return () => {
      if (this.#players.get(clipId) === player) this.#players.delete(clipId)
    }
  }

  /** The player tells where it stands. */
  report(clipId: string, seconds: number): void {
    if (this.#state.clipId !== clipId || this.#state.seconds !== seconds) this.#update({ clipId, seconds })
  }

  /** Marks moments in the strip, in place of those before; none: marks nothing. */
  point(clipId: string, timestamps: readonly number[]): void {
    if (timestamps.length > 0) this.#update({ pointed: { clipId, timestamps } })
    else if (this.#state.pointed?.clipId === clipId) this.#update({ pointed: null })
  }

  #update(change: Partial<PlayheadState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

export const playhead = new Playhead()
