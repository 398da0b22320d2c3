import { deferred, unlessAborted } from './deferred'

/** Lets callers in one at a time, in the order in which they came. */
export class SerialQueue {
  #tail: Promise<void> = Promise.resolve()

  /** Waits for its turn; the returned function ends it. @throws ValleyError `aborted` if the signal fires meanwhile */
  async enter(signal: AbortSignal): Promise<() => void> {
    const before = this.#tail
    const own = deferred<void>()
    this.#tail = own.promise
    try {
      await unlessAborted(before, signal)
      return () => own.resolve()
    } catch (thrown) {
      // Its place in the line passes to the next only once those before it are through.
      void before.then(() => own.resolve())
      throw thrown
    }
  }

  async run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    const leave = await this.enter(signal)
    try {
      return await job()
    } finally {
      leave()
    }
  }
}
