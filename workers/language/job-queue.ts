import { throwIfAborted, ValleyError } from '../protocol'

/** One job at a time, in the order they came. */
export class JobQueue {
  #tail: Promise<unknown> = Promise.resolve()

  /** Runs `job` after all earlier ones; one aborted before its turn rejects at once and never starts. Errors: the job's. */
  run<T>(job: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => reject(new ValleyError('aborted'))
      if (signal?.aborted) giveUp()
      signal?.addEventListener('abort', giveUp, { once: true })
      const start = async () => {
        signal?.removeEventListener('abort', giveUp)
        throwIfAborted(signal)
        return job()
      }
      this.#tail = this.#tail.then(start).then(resolve, reject)
    })
  }
}
