import { ValleyError } from '../errors'
import type { GpuDevice } from './device'

/**
 * Follows a GPU device for those who wait on it: work on a lost device may never end. A race against one long-lived
 * promise would do the same, but that promise would hold the result of every race until the device is lost.
 */
export class DeviceLoss {
  readonly #waiting = new Set<(error: ValleyError) => void>()
  #error: ValleyError | undefined

  /** @param gpu  null where all is done on the CPU: nothing is ever lost */
  constructor(gpu: Pick<GpuDevice, 'device'> | null) {
    void gpu?.device.lost.then(({ reason, message }) => {
      this.#error = new ValleyError('device-lost', { reason: reason || 'unknown' }, { message })
      for (const reject of this.#waiting) reject(this.#error)
      this.#waiting.clear()
    })
  }

  /** device-lost, once it is. */
  get error(): ValleyError | undefined {
    return this.#error
  }

  /** How many wait for work to end. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** What `work` gives. Rejects as `work` does, or with device-lost as soon as the device is. */
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
