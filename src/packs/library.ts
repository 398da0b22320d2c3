import * as Comlink from 'comlink'
import { type FolderFile, type PackOffer, type PacksApi, toValleyError, type ValleyError } from '../../workers/protocol'
import type { WorkerClient } from '../assistant/worker-client'

/** A pack on its way: coming, or stopped by an error. Paused ones are offers of which a part is here. */
export type PackJob =
  | { readonly status: 'coming'; readonly done: number; readonly total: number }
  | { readonly status: 'failed'; readonly error: ValleyError }

export type LibraryState = {
  /** null until they are known. */
  readonly offers: readonly PackOffer[] | null
  readonly jobs: ReadonlyMap<string, PackJob>
  readonly importing: PackJob | null
}

/** What the page knows of packs, and the fetching of those that the engine does not have. Outlives the screens that show it. */
export class Library {
  readonly #start: () => WorkerClient<PacksApi>
  readonly #modelsUrl: string
  readonly #listeners = new Set<() => void>()
  readonly #running = new Map<string, AbortController>()
  #client: WorkerClient<PacksApi> | undefined
  /** Short calls under way: the worker stays for them, whoever looks. */
  #calls = 0
  #state: LibraryState = { offers: null, jobs: new Map(), importing: null }

  constructor(start: () => WorkerClient<PacksApi>, modelsUrl: string) {
    this.#start = start
    this.#modelsUrl = modelsUrl
  }

  getState = (): LibraryState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
      this.#rest()
    }
  }

  /** Looks again at what is on offer and what is here. */
  refresh = async (): Promise<void> => {
    try {
      const offers = await this.#call((remote) => remote.list(new URL('catalog.json', this.#modelsUrl).href))
      this.#update({ offers: offers as readonly PackOffer[] })
    } catch (thrown) {
      console.warn('the packs cannot be listed', thrown)
      this.#update({ offers: this.#state.offers ?? [] })
    }
    this.#rest()
  }

  /** Fetches what is missing of a pack; resolves to whether it is complete. */
  async download(packUrl: string): Promise<boolean> {
    if (this.#running.has(packUrl)) return false
    const controller = new AbortController()
    this.#running.set(packUrl, controller)
    const offer = this.#state.offers?.find((one) => one.packUrl === packUrl)
    this.#job(packUrl, { status: 'coming', done: offer?.present ?? 0, total: offer?.bytes ?? 0 })
    const onProgress = (done: number, total: number) => {
      if (!controller.signal.aborted) this.#job(packUrl, { status: 'coming', done, total })
    }
    try {
      const run = (remote: Comlink.Remote<PacksApi>, signal: AbortSignal) =>
        remote.download(packUrl, Comlink.proxy(onProgress), signal)
      await this.#worker().callUntil(run, controller.signal)
      this.#job(packUrl, null)
      return true
    } catch (thrown) {
      const error = toValleyError(thrown)
      this.#job(packUrl, error.code === 'aborted' ? null : { status: 'failed', error })
      return false
    } finally {
      this.#running.delete(packUrl)
      await this.refresh()
    }
  }

  /** Stops fetching; what came stays. */
  pause(packUrl: string): void {
    this.#running.get(packUrl)?.abort()
  }

  /** Imports every pack in a folder that the person chose. */
  async importFolder(files: readonly FolderFile[]): Promise<void> {
    this.#update({ importing: { status: 'coming', done: 0, total: 0 } })
    const onProgress = (done: number, total: number) => this.#update({ importing: { status: 'coming', done, total } })
    try {
      const run = (remote: Comlink.Remote<PacksApi>, signal: AbortSignal) =>
        remote.importFolder(files, this.#modelsUrl, Comlink.proxy(onProgress), signal)
      await this.#worker().callUntil(run, new AbortController().signal)
      this.#update({ importing: null })
    } catch (thrown) {
      this.#update({ importing: { status: 'failed', error: toValleyError(thrown) } })
    }
    await this.refresh()
  }

  async remove(packUrl: string): Promise<void> {
    await this.#call((remote) => remote.remove(packUrl))
    await this.refresh()
  }

  async #call<T>(run: (remote: Comlink.Remote<PacksApi>) => Promise<T>): Promise<T> {
    this.#calls++
    try {
      return await this.#worker().call(run)
    } finally {
      this.#calls--
    }
  }

  #worker(): WorkerClient<PacksApi> {
    if (!this.#client?.alive) this.#client = this.#start()
    return this.#client
  }

  /** Without anybody looking or anything coming, the worker is of no use. */
  #rest(): void {
    const busy =
      this.#calls > 0 ||
      this.#running.size > 0 ||
      this.#state.importing?.status === 'coming' ||
      this.#listeners.size > 0
    if (busy) return
    this.#client?.terminate()
    this.#client = undefined
  }

  #job(packUrl: string, job: PackJob | null): void {
    const jobs = new Map(this.#state.jobs)
    if (job) jobs.set(packUrl, job)
    else jobs.delete(packUrl)
    this.#update({ jobs })
  }

  #update(change: Partial<LibraryState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}
