/**
 * Events of a running job as an async iterable. The job does not wait for its reader, so a page that is slow to read
 * neither slows it down nor keeps the next job from starting; what a job can emit is bounded.
 */
export class EventStream<T> implements AsyncIterableIterator<T> {
  readonly #events: T[] = []
  readonly #onReturn: () => void
  #outcome: { readonly error?: unknown } | undefined
  #wake: (() => void) | undefined

  /** @param onReturn  called when the reader leaves early */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn
  }

  push(event: T): void {
    this.#events.push(event)
    this.#wake?.()
  }

  end(): void {
    this.#outcome ??= {}
    this.#wake?.()
  }

  /** Ends the stream with an error, thrown after the events before it were read. */
  fail(error: unknown): void {
    this.#outcome ??= { error }
    this.#wake?.()
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#events.length === 0 && !this.#outcome) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const value = this.#events.shift()
    if (value !== undefined) return { done: false, value }
    const outcome = this.#outcome
    this.#outcome = {}
    if (outcome && 'error' in outcome) throw outcome.error
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<T>> {
    this.#onReturn()
    this.#events.length = 0
    this.#outcome = {}
    this.#wake?.()
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
