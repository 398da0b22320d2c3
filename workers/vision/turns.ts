import { ValleyError } from '../protocol'

/** Lets jobs in one at a time, in the order they came. */
export class Turns {
  #tail: Promise<void> = Promise.resolve()

  /** Waits for its turn; the returned function ends it. Rejects with `aborted` while still waiting. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#tail
    let done: () => void = () => undefined
    const mine = new Promise<void>((resolve) => {
      done = resolve
    })
    this.#tail = before.then(() => mine)
    const abort = new Promise<never>((_, reject) => {
      const fail = () => reject(new ValleyError('aborted'))
      if (signal?.aborted) fail()
      signal?.addEventListener('abort', fail, { once: true })
    })
    abort.catch(() => undefined)
    try {
      await Promise.race([before, abort])
      return done
    } catch (thrown) {
      done()
      throw thrown
    }
  }

  /** Runs `job` in its turn. */
  async take<T>(signal: AbortSignal | undefined, job: () => Promise<T>): Promise<T> {
    const done = await this.enter(signal)
    try {
      return await job()
    } finally {
      done()
    }
  }
}
