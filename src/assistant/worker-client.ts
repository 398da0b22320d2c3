import * as Comlink from 'comlink'
import { ValleyError } from '../../workers/protocol'
import { registerTransferHandlers } from '../../workers/transfer'
import { WorkerThreads } from './worker-threads'

let handlersRegistered = false

/** What a client needs of a Worker; a test may pass any endpoint that behaves like one. */
export type WorkerLike = Comlink.Endpoint & Pick<Worker, 'terminate' | 'addEventListener'>

/** A signal that fires with `signal`, or when closed. @throws ValleyError `aborted` where it has fired already */
function followSignal(signal: AbortSignal): { readonly signal: AbortSignal; readonly close: () => void } {
  if (signal.aborted) throw new ValleyError('aborted')
  const call = new AbortController()
  const forward = () => call.abort()
  signal.addEventListener('abort', forward, { once: true })
  return {
    signal: call.signal,
    close: () => {
      signal.removeEventListener('abort', forward)
      call.abort()
    },
  }
}

/**
 * One worker behind its typed comlink interface. comlink alone never rejects a call whose worker died; here every call
 * and every stream in flight rejects with `worker-died` when the worker errs, cannot be understood, is terminated or
 * vanishes (its Web Lock becomes free, see workers/runtime/liveness.ts). The threads that it asks for end with it.
 */
export class WorkerClient<Api extends object> {
  readonly name: string
  /** Resolves, once, with the reason why this worker is gone. Never rejects. */
  readonly died: Promise<ValleyError>
  readonly #worker: WorkerLike
  readonly #remote: Comlink.Remote<Api>
  readonly #waiting = new Set<(reason: ValleyError) => void>()
  readonly #lockWatch = new AbortController()
  readonly #threads: WorkerThreads
  #announceDeath: (reason: ValleyError) => void = () => {}
  #death: ValleyError | undefined

  /** `lockName` is the name that the worker was started with; without it only events tell of its death. */
  constructor(name: string, worker: WorkerLike, lockName?: string) {
    if (!handlersRegistered) {
      registerTransferHandlers()
      handlersRegistered = true
    }
    this.name = name
    this.#worker = worker
    this.died = new Promise((resolve) => {
      this.#announceDeath = resolve
    })
    worker.addEventListener('error', (event) => {
      event.preventDefault()
      this.#die(('message' in event && String(event.message)) || 'the worker script failed')
    })
    worker.addEventListener('messageerror', () => this.#die('a message could not be read'))
    this.#threads = new WorkerThreads(worker)
    this.#remote = Comlink.wrap<Api>(worker)
    if (lockName && navigator.locks) void this.#watchLock(lockName)
  }

  get alive(): boolean {
    return this.#death === undefined
  }

  /** Runs one call. @throws ValleyError `worker-died`, or what the worker threw */
  call<T>(run: (remote: Comlink.Remote<Api>) => Promise<T>): Promise<T> {
    return this.#guard(() => run(this.#remote))
  }

  /**
   * As `call`, for calls that take a signal: the one that `run` receives follows `signal` and fires when the call is
   * over, so that its port is closed.
   */
  async callUntil<T>(
    run: (remote: Comlink.Remote<Api>, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const scope = followSignal(signal)
    try {
      return await this.#guard(() => run(this.#remote, scope.signal))
    } finally {
      scope.close()
    }
  }

  /**
   * Opens a stream in the worker and yields its items, one pull at a time. The signal that `open` receives follows
   * `signal` and fires when the stream ends in any way, so that its port is closed.
   * @throws ValleyError `worker-died`, `aborted`, or what the worker threw
   */
  async *stream<T>(
    open: (remote: Comlink.Remote<Api>, signal: AbortSignal) => Promise<AsyncIterable<T>>,
    signal: AbortSignal,
  ): AsyncGenerator<T, void, undefined> {
    const scope = followSignal(signal)
    try {
      const iterable = await this.#guard(() => open(this.#remote, scope.signal))
      const iterator = iterable[Symbol.asyncIterator]()
      let unfinished = true
      try {
        while (true) {
          const item = await this.#guard(() => iterator.next()).catch((reason: unknown) => {
            unfinished = false
            throw reason
          })
          if (item.done) {
            unfinished = false
            return
          }
          yield item.value
        }
      } finally {
        if (unfinished && this.alive) await this.#guard(async () => iterator.return?.()).catch(() => {})
      }
    } finally {
      scope.close()
    }
  }

  /** Ends the worker; whatever waits rejects with `worker-died`, or with `reason` where that is an error. */
  terminate(reason: string | ValleyError = 'ended by the page'): void {
    this.#die(reason)
  }

  #guard<T>(run: () => Promise<T>): Promise<T> {
    if (this.#death) return Promise.reject(this.#death)
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject)
      const settle = () => this.#waiting.delete(reject)
      run().then(
        (value) => {
          settle()
          resolve(value)
        },
        (reason: unknown) => {
          settle()
          reject(reason)
        },
      )
    })
  }

  #die(reason: string | ValleyError): void {
    if (this.#death) return
    const death =
      reason instanceof ValleyError ? reason : new ValleyError('worker-died', { worker: this.name, detail: reason })
    this.#death = death
    this.#lockWatch.abort()
    this.#worker.terminate()
    this.#threads.end()
    for (const reject of this.#waiting) reject(death)
    this.#waiting.clear()
    this.#announceDeath(death)
  }

  /** Waits until the worker holds its lock, then for the lock itself: getting it means that the holder is gone. */
  async #watchLock(lockName: string): Promise<void> {
    const { signal } = this.#lockWatch
    const isHeld = async () => (await navigator.locks.query()).held?.some((lock) => lock.name === lockName) ?? false
    for (let pause = 200; !signal.aborted && !(await isHeld()); pause = Math.min(pause * 1.5, 5000)) {
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
    if (signal.aborted) return
    await navigator.locks.request(lockName, { signal }, () => this.#die('the worker vanished')).catch(() => {})
  }
}
