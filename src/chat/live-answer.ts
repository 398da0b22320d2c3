/** Calls back once at the next frame; returns the way to cancel. */
export type Scheduler = (callback: () => void) => () => void

export const nextFrame: Scheduler = (callback) => {
  // A hidden tab paints no frames, yet its text must not pile up unseen.
  if (document.hidden) {
    const timer = setTimeout(callback, 100)
    return () => clearTimeout(timer)
  }
  const handle = requestAnimationFrame(callback)
  return () => cancelAnimationFrame(handle)
}

/**
 * The text being written, outside the message list: tokens are gathered and shown once per animation frame, and only
 * the component that shows this answer renders.
 */
export class LiveAnswer {
  readonly #schedule: Scheduler
  readonly #listeners = new Set<() => void>()
  #shown = ''
  #text = ''
  #draft = ''
  #cancel: (() => void) | undefined

  constructor(schedule: Scheduler = nextFrame) {
    this.#schedule = schedule
  }

  /** All text so far, shown or not. */
  get text(): string {
    return this.#text
  }

  /** All text so far and how it would most likely go on: what is kept of an answer that is stopped here. */
  get textWithDraft(): string {
    return this.#text + this.#draft
  }

  getSnapshot = (): string => this.#shown

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  append(piece: string): void {
    this.#text += piece
    this.#draft = this.#draft.startsWith(piece) ? this.#draft.slice(piece.length) : ''
    this.#cancel ??= this.#schedule(() => this.#flush())
  }

  /** Takes a likely continuation in place of the one before. It is never shown while the answer is written. */
  draft(text: string): void {
    this.#draft = text
  }

  /** Empties it for the next answer. */
  reset(): void {
    this.#text = ''
    this.#draft = ''
    this.#cancel?.()
    this.#flush()
  }

  #flush(): void {
    this.#cancel = undefined
    if (this.#shown === this.#text) return
    this.#shown = this.#text
    for (const listener of this.#listeners) listener()
  }
}
