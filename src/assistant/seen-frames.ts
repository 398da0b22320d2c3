import type { EncodeEvent } from '../../workers/protocol'

/** What the model saw of a clip: its frames' CLIP vectors in time order, and what questions were told of it. */
export type SeenClip = { readonly frames: readonly Float32Array[]; readonly told: Map<string, Told> }

/** A question as the language worker gets it; `order`: its phrases as the frames show them, where that was told. */
export type Told = { readonly question: string; readonly order?: readonly string[] }

/** The frames of the clips that are open. Of one that is encoded again the frames from before count until all are there. */
export class SeenFrames {
  readonly #seen = new Map<string, SeenClip>()
  readonly #coming = new Map<string, Float32Array[]>()

  /** Is shown every event of a clip's encoding. */
  watch(clipId: string, event: EncodeEvent): void {
    if (event.type === 'opened') this.#coming.set(clipId, [])
    const coming = this.#coming.get(clipId) ?? []
    if (event.type === 'frame') coming[event.index] = event.vector
    if (event.type === 'encoded') this.#seen.set(clipId, { frames: Object.values(coming), told: new Map() })
  }

  of(clipId: string | null): SeenClip | undefined {
    return clipId === null ? undefined : this.#seen.get(clipId)
  }

  forget(clipId: string): void {
    this.#seen.delete(clipId)
    this.#coming.delete(clipId)
  }
}
