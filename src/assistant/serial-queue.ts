import { ValleyError } from '../../workers/protocol'
import { deferred } from './deferred'

/** Lets callers in one at a time, in the order in which they came. */
export class SerialQueue {
  #tail: Promise<void> = Promise.resolve()

  /** Waits for its turn; the returned function ends it. @throws ValleyError `aborted` if the signal fires meanwhile */
  async enter(signal: AbortSignal): Promise<() => void> {
    const before = this.#tail
    const own = deferred<void>()
    this.#tail = own.promise
    const aborted = deferred<never>()
    const onAbort = () => aborted.reject(new ValleyError('aborted'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await Promise.race([before, aborted.promise])
      return () => own.resolve()
    } catch (thrown) {
      // Its place in the line passes to the next only once those before it are through.
      void before.then(() => own.resolve())
      throw thrown
    } finally {
      signal.removeEventListener('abort', onAbort)
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
