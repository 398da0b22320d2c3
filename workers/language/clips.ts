/** The visual tokens of the clips that are open, waited for by questions that come before them. */
import { throwIfAborted, ValleyError, type VisualTokens } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { type VisualSpan, visualSpan } from './splice'

type Waiter = { readonly resolve: (span: VisualSpan) => void; readonly reject: (error: ValleyError) => void }

export class ClipStore {
  readonly #ledger: Ledger
  readonly #clips = new Map<string, { readonly span: VisualSpan; readonly close: () => void }>()
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
    const span = visualSpan(`${clipId}@${this.#serial}`, tokens)
    this.#clips.set(clipId, { span, close: this.#ledger.open('tensor') })
    for (const waiter of this.#waiting.get(clipId) ?? []) waiter.resolve(span)
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

  /** The clip's tokens, waited for until they come. Errors: clip-unknown (it was forgotten), aborted. */
  async get(clipId: string, signal: AbortSignal): Promise<VisualSpan> {
    throwIfAborted(signal)
    const clip = this.#clips.get(clipId)
    if (clip) return clip.span
    if (this.#forgotten.has(clipId)) throw new ValleyError('clip-unknown', { clipId })
    const waiters = this.#waiting.get(clipId) ?? new Set()
    this.#waiting.set(clipId, waiters)
    return new Promise<VisualSpan>((resolve, reject) => {
      const onAbort = () => {
        waiters.delete(waiter)
        reject(new ValleyError('aborted'))
      }
      const settle = () => signal.removeEventListener('abort', onAbort)
      const waiter: Waiter = {
        resolve: (span) => {
          settle()
          resolve(span)
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
