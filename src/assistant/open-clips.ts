import type { ClipSource, EncodedClip, EncodeEvent, EncodeOptions } from '../../workers/protocol'
import { unlessAborted } from './deferred'

/** A clip that may be asked about: its source is kept so that lost tokens can be made again. */
export type OpenClip = {
  readonly source: ClipSource
  readonly options: EncodeOptions
  /** Hears what its tokens are now, whenever they were made again. */
  readonly onAgain: ((encoded: EncodedClip) => void) | undefined
  /** The language worker holds its tokens. */
  held: boolean
  encoding: Promise<void> | null
}

/** The clips by id, and whether the language worker holds their tokens. */
export class OpenClips {
  readonly #clips = new Map<string, OpenClip>()
  readonly #encode: (clip: OpenClip, signal: AbortSignal) => AsyncIterable<EncodeEvent>

  /** @param encode  opens and encodes a clip; its tokens are in the language worker when the events end */
  constructor(encode: (clip: OpenClip, signal: AbortSignal) => AsyncIterable<EncodeEvent>) {
    this.#encode = encode
  }

  /** Whether one is being encoded. */
  get encoding(): boolean {
    return [...this.#clips.values()].some((clip) => clip.encoding !== null)
  }

  get(clipId: string): OpenClip | undefined {
    return this.#clips.get(clipId)
  }

  /** Takes a clip in place of one of the same id. */
  add(clip: OpenClip): void {
    this.#clips.set(clip.options.clipId, clip)
  }

  remove(clipId: string): void {
    this.#clips.delete(clipId)
  }

  clear(): void {
    this.#clips.clear()
  }

  /** The language worker is gone, and all tokens with it. */
  lose(): void {
    for (const clip of this.#clips.values()) clip.held = false
  }

  /** Encodes again what was lost; a failure shows when the clip is asked about. */
  encodeLost(): void {
    for (const [clipId, clip] of this.#clips) {
      if (!clip.held) this.ensure(clipId, new AbortController().signal).catch(() => {})
    }
  }

  /** Encodes every clip again: what is being encoded, once that is done. A question about it waits, or gets the tokens from before. */
  encodeAnew(): void {
    for (const [clipId, clip] of this.#clips) {
      if (!clip.encoding) clip.held = false
      const again = async () => {
        clip.held = false
        if (this.#clips.get(clipId) === clip) await this.ensure(clipId, new AbortController().signal)
      }
      Promise.resolve(clip.encoding)
        .catch(() => {})
        .then(again)
        .catch(() => {})
    }
  }

  /** Resolves when the language worker holds the clip's tokens, encoding them again if they were lost. @throws ValleyError `aborted` */
  async ensure(clipId: string, signal: AbortSignal): Promise<void> {
    const clip = this.#clips.get(clipId)
    // Not a clip of ours: the worker may know it (or will say that it does not).
    if (!clip || clip.held) return
    clip.encoding ??= this.#encodeAgain(clip, signal).finally(() => {
      clip.encoding = null
    })
    // It may have been begun for another's sake, and goes on where this one gives up.
    await unlessAborted(clip.encoding, signal)
  }

  async #encodeAgain(clip: OpenClip, signal: AbortSignal): Promise<void> {
    let encoded: EncodedClip | undefined
    for await (const event of this.#encode(clip, signal)) if (event.type === 'encoded') encoded = event.clip
    clip.held = true
    // It may have been let go of meanwhile, or opened anew.
    if (encoded && this.#clips.get(clip.options.clipId) === clip) clip.onAgain?.(encoded)
  }
}
