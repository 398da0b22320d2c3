import type { LoadProgress, ValleyError } from '../../workers/protocol'
import { toValleyError } from '../../workers/protocol'
import { LoadShare } from './load-share'
import type { WorkerClient } from './worker-client'

export type ComponentState<Info> =
  | {
      readonly status: 'loading'
      readonly progress: LoadProgress | null
      /** How much of the load is done, 0 to 1. */
      readonly share: number
      readonly restarted: boolean
    }
  | { readonly status: 'ready'; readonly info: Info }
  | { readonly status: 'failed'; readonly error: ValleyError }

export type ComponentParts<Api extends object, Info> = {
  readonly start: () => WorkerClient<Api>
  /** `lastTry`: it died each time before, and is given up if it does so again. */
  readonly load: (
    client: WorkerClient<Api>,
    onProgress: (progress: LoadProgress) => void,
    lastTry: boolean,
  ) => Promise<Info>
  /** A fresh worker is there, not loaded yet. */
  readonly onStart: (client: WorkerClient<Api>) => void
  /** The worker died after it had been ready: what it held is gone. */
  readonly onLoss: () => void
  readonly onChange: () => void
}

/** Deaths in a row, without being ready in between, after which restarting would only repeat itself. */
const maxDeaths = 2

/** One worker's life: start, load, restart after death, load again after a lost device, give up after failing twice. */
export class Component<Api extends object, Info> {
  readonly #parts: ComponentParts<Api, Info>
  #state: ComponentState<Info> = { status: 'loading', progress: null, share: 0, restarted: false }
  #client: WorkerClient<Api> | undefined
  #deaths = 0
  #closed = false
  /** Distinguishes the load under way from those that a restart has overtaken. */
  #generation = 0
  #waiting = new Set<(client: WorkerClient<Api>) => void>()

  constructor(parts: ComponentParts<Api, Info>) {
    this.#parts = parts
  }

  get state(): ComponentState<Info> {
    return this.#state
  }

  get client(): WorkerClient<Api> | undefined {
    return this.#client
  }

  /** Starts a fresh worker and loads it; ends the one before. */
  start(restarted = false): void {
    this.#client?.terminate()
    const client = this.#parts.start()
    this.#client = client
    void client.died.then((reason) => this.#onDeath(client, reason))
    this.#parts.onStart(client)
    void this.#load(client, restarted)
  }

  /** Tries again after a failure, from nothing. */
  retry(): void {
    this.#deaths = 0
    this.start()
  }

  /** Ends the worker until `start`: calls reject with `reason`, those that wait for the worker go on waiting. */
  suspend(reason: ValleyError): void {
    const client = this.#client
    // Its death is no accident, so nothing is started anew.
    this.#client = undefined
    this.#generation += 1
    client?.terminate(reason)
    this.#parts.onLoss()
    this.#set({ status: 'loading', progress: null, share: 0, restarted: false })
  }

  /** Loads again in the same worker, as after a lost device. */
  reload(): void {
    if (this.#state.status === 'loading') return
    if (this.#client?.alive) void this.#load(this.#client, true)
    else this.start(true)
  }

  /** The loaded worker, as soon as there is one. A failed load keeps its callers waiting for `retry`. */
  whenReady(signal: AbortSignal): Promise<WorkerClient<Api>> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(toValleyError(new DOMException('', 'AbortError')))
      if (this.#state.status === 'ready' && this.#client?.alive) return resolve(this.#client)
      const settle = (client: WorkerClient<Api>) => {
        signal.removeEventListener('abort', onAbort)
        resolve(client)
      }
      const onAbort = () => {
        this.#waiting.delete(settle)
        reject(toValleyError(new DOMException('', 'AbortError')))
      }
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(settle)
    })
  }

  close(): void {
    this.#closed = true
    this.#client?.terminate('the engine was closed')
  }

  async #load(client: WorkerClient<Api>, restarted: boolean): Promise<void> {
    this.#generation += 1
    const generation = this.#generation
    const current = () => generation === this.#generation && client === this.#client
    const share = new LoadShare()
    this.#set({ status: 'loading', progress: null, share: 0, restarted })
    try {
      const onProgress = (progress: LoadProgress) => {
        if (!current() || this.#state.status !== 'loading') return
        this.#set({ status: 'loading', progress, share: share.take(progress), restarted })
      }
      const info = await this.#parts.load(client, onProgress, this.#deaths >= maxDeaths)
      if (!current()) return
      this.#deaths = 0
      this.#set({ status: 'ready', info })
      const waiting = this.#waiting
      this.#waiting = new Set()
      for (const resolve of waiting) resolve(client)
    } catch (thrown) {
      // A death is dealt with in onDeath; what is left is a load that failed in a living worker.
      if (current() && client.alive) this.#set({ status: 'failed', error: toValleyError(thrown) })
    }
  }

  #onDeath(client: WorkerClient<Api>, reason: ValleyError): void {
    if (this.#closed || client !== this.#client) return
    this.#generation += 1
    this.#deaths += 1
    this.#parts.onLoss()
    if (this.#deaths > maxDeaths) this.#set({ status: 'failed', error: reason })
    else this.start(true)
  }

  #set(state: ComponentState<Info>): void {
    this.#state = state
    this.#parts.onChange()
  }
}
