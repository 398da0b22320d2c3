import type { ValleyError } from '../errors'

/**
 * Follows something that may be lost (a GPU device, a worker) for those who wait on it: work on it may then never end. A
 * race against one long-lived promise would do the same, but that promise would hold the result of every race until the loss.
 */
export class Loss {
  readonly #waiting = new Set<(error: ValleyError) => void>()
  #error: ValleyError | undefined

  /** It is lost: all who wait hear `error`, and so do all who come later. The first word counts. */
  lose(error: ValleyError): void {
    if (this.#error) return
    this.#error = error
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
  }

  /** What it was lost with, once it is. */
  get error(): ValleyError | undefined {
    return this.#error
  }

  /** How many wait for work to end. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** What `work` gives. Rejects as `work` does, or with the loss as soon as it comes. */
  orLost<T>(work: Promise<T>): Promise<T> {
    if (this.#error) {
      // Whatever becomes of it, nobody hears.
      work.catch(() => undefined)
      return Promise.reject(this.#error)
    }
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = () => this.#waiting.delete(reject)
      work.then(settle, settle)
      work.then(resolve, reject)
    })
  }

  /** As `orLost`, of work that opens something: where that comes too late for anybody to own it, `close` has it. */
  async openOrLost<T>(work: Promise<T>, close: (late: T) => unknown): Promise<T> {
    try {
      return await this.orLost(work)
    } catch (thrown) {
      work.then(close).catch(() => undefined)
      throw thrown
    }
  }
}
