/** The visual tokens of the clips that are open, waited for by questions that come before them. */
import { throwIfAborted, ValleyError, type VisualTokens } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { type VisualSpan, visualSpan } from './splice'

/** A clip as the prompt holds it. */
export type HeldClip = {
  readonly span: VisualSpan
  /** Captions of similar scenes, best first; [] where the pack has no store. */
  readonly quotes: readonly string[]
  /** Of a pack of the hub alone. */
  readonly hub: VisualTokens['hub']
}

type Waiter = { readonly resolve: (clip: HeldClip) => void; readonly reject: (error: ValleyError) => void }

export class ClipStore {
  readonly #ledger: Ledger
  readonly #clips = new Map<string, { readonly clip: HeldClip; readonly close: () => void }>()
  readonly #waiting = new Map<string, Set<Waiter>>()
  readonly #forgotten = new Set<string>()
  #serial = 0

  constructor(ledger: Ledger) {
    this.#ledger = ledger
  }

  /** Takes a clip's tokens; a clip encoded anew replaces its earlier ones. */
  add(tokens: VisualTokens): void {
    const { clipId } = tokens
    this.#clips.get(clipId)?.close()
    this.#forgotten.delete(clipId)
    this.#serial += 1
    const clip = { span: visualSpan(`${clipId}@${this.#serial}`, tokens), quotes: tokens.quotes, hub: tokens.hub }
    this.#clips.set(clipId, { clip, close: this.#ledger.open('tensor') })
    for (const waiter of this.#waiting.get(clipId) ?? []) waiter.resolve(clip)
    this.#waiting.delete(clipId)
  }

  /** Drops a clip's tokens; whoever waits for them gets clip-unknown. */
  forget(clipId: string): void {
    this.#clips.get(clipId)?.close()
    this.#clips.delete(clipId)
    this.#forgotten.add(clipId)
    for (const waiter of this.#waiting.get(clipId) ?? []) waiter.reject(new ValleyError('clip-unknown', { clipId }))
    this.#waiting.delete(clipId)
  }

  /** Forgets every clip. */
  clear(): void {
    for (const clipId of new Set([...this.#clips.keys(), ...this.#waiting.keys()])) this.forget(clipId)
  }

  /** The clip, waited for until its tokens come. Errors: clip-unknown (it was forgotten), aborted. */
  async get(clipId: string, signal: AbortSignal): Promise<HeldClip> {
    throwIfAborted(signal)
    const held = this.#clips.get(clipId)
    if (held) return held.clip
    if (this.#forgotten.has(clipId)) throw new ValleyError('clip-unknown', { clipId })
    const waiters = this.#waiting.get(clipId) ?? new Set()
    this.#waiting.set(clipId, waiters)
    return new Promise<HeldClip>((resolve, reject) => {
      const onAbort = () => {
        waiters.delete(waiter)
        reject(new ValleyError('aborted'))
      }
      const settle = () => signal.removeEventListener('abort', onAbort)
      const waiter: Waiter = {
        resolve: (clip) => {
          settle()
          resolve(clip)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      waiters.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
