import { ValleyError } from '../protocol'

/** Lets jobs in one at a time, in the order they came. Long ones pause for short ones. */
export class Turns {
  #tail: Promise<void> = Promise.resolve()
  /** Jobs that have the turn or wait for it. */
  #jobs = 0
  /** Short jobs that wait. */
  readonly #short = new Set<() => Promise<void>>()

  /** Whether a job has the turn or waits for it. */
  get busy(): boolean {
    return this.#jobs > 0
  }

  /** Waits for its turn; the returned function ends it. Rejects with `aborted` while still waiting. */
  async enter(signal: AbortSignal | undefined): Promise<() => void> {
    const before = this.#tail
    this.#jobs += 1
    let done: () => void = () => undefined
    const mine = new Promise<void>((resolve) => {
      done = resolve
    })
    void mine.then(() => {
      this.#jobs -= 1
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

  /** Runs a short job when whoever has the turn pauses, or in a turn of its own, whichever comes first. */
  short<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = async () => {
        // The other way in came first.
        if (!this.#short.delete(run)) return
        await job().then(resolve, reject)
      }
      this.#short.add(run)
      this.take(signal, run).catch((thrown: unknown) => {
        this.#short.delete(run)
        reject(thrown)
      })
    })
  }

  /** Lets the short jobs that wait run. Called by whoever has the turn, where nothing of its own is half done. */
  async pause(): Promise<void> {
    for (const run of [...this.#short]) await run()
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
