import * as Comlink from 'comlink'
import {
  type FolderFile,
  type HubLook,
  type HubName,
  type HubOffer,
  hubAddress,
  type PackOffer,
  type PacksApi,
  toValleyError,
  type ValleyError,
} from '../../workers/protocol'
import type { WorkerClient } from '../assistant/worker-client'

/** A pack on its way: coming, or stopped by an error. Paused ones are offers of which a part is here. */
export type PackJob =
  | { readonly status: 'coming'; readonly done: number; readonly total: number }
  | { readonly status: 'failed'; readonly error: ValleyError }

/** What the hub says of a repository, or why that is not known. */
export type HubAnswer =
  | { readonly status: 'asking' }
  | { readonly status: 'known'; readonly look: HubLook }
  | { readonly status: 'failed'; readonly error: ValleyError }

export type LibraryState = {
  /** null until they are known. */
  readonly offers: readonly PackOffer[] | null
  /** Repositories of the hub that are offered or held; null until they are known. */
  readonly hub: readonly HubOffer[] | null
  /** By repository, of this visit. */
  readonly answers: ReadonlyMap<string, HubAnswer>
  /** By a pack's address, hubAddress for those of the hub. */
  readonly jobs: ReadonlyMap<string, PackJob>
  readonly importing: PackJob | null
}

type Calls = Comlink.Remote<PacksApi>
type Fetching = (remote: Calls, onProgress: (done: number, total: number) => void, signal: AbortSignal) => Promise<void>

/** What the page knows of packs, and the fetching of those that the engine does not have. Outlives the screens that show it. */
export class Library {
  readonly #start: (hub?: string) => WorkerClient<PacksApi>
  readonly #modelsUrl: string
  readonly #listeners = new Set<() => void>()
  readonly #running = new Map<string, AbortController>()
  readonly #asking = new Map<string, AbortController>()
  /** By the hub that each may talk to; '' for the one that may talk to none. */
  readonly #clients = new Map<string, WorkerClient<PacksApi>>()
  /** Short calls under way: the worker stays for them, whoever looks. */
  #calls = 0
  #state: LibraryState = { offers: null, hub: null, answers: new Map(), jobs: new Map(), importing: null }

  /** @param start  starts a packs worker that may talk to the hub at an origin, or to none */
  constructor(start: (hub?: string) => WorkerClient<PacksApi>, modelsUrl: string) {
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
      const [offers, hub] = await this.#call((remote) =>
        Promise.all([remote.list(this.#catalogUrl), remote.listHub(this.#catalogUrl)]),
      )
      this.#update({ offers: offers as readonly PackOffer[], hub: hub as readonly HubOffer[] })
    } catch (thrown) {
      console.warn('the packs cannot be listed', thrown)
      this.#update({ offers: this.#state.offers ?? [], hub: this.#state.hub ?? [] })
    }
    this.#rest()
  }

  /** Fetches what is missing of a pack; resolves to whether it is complete. */
  download(packUrl: string): Promise<boolean> {
    const offer = this.#state.offers?.find((one) => one.packUrl === packUrl)
    return this.#fetch(packUrl, offer, '', (remote, onProgress, signal) => remote.download(packUrl, onProgress, signal))
  }

  /** Fetches what is missing of a repository from the hub at `origin`; resolves to whether it is complete. */
  downloadFromHub(origin: string, name: HubName): Promise<boolean> {
    const { repository } = name
    const answer = this.#state.answers.get(repository)
    const offer = this.#state.hub?.find((one) => one.repository === repository)
    const known = answer?.status === 'known' ? answer.look : offer
    return this.#fetch(hubAddress(repository), known, origin, async (remote, onProgress, signal) => {
      // Names and revisions of the catalogue's repositories are then known there too.
      await remote.listHub(this.#catalogUrl)
      await remote.downloadFromHub(origin, name, onProgress, signal)
    })
  }

  /** Asks the hub at `origin` what a repository is; what it says stands in `answers`. */
  async askHub(origin: string, name: HubName): Promise<void> {
    const { repository } = name
    if (this.#asking.has(repository)) return
    const controller = new AbortController()
    this.#asking.set(repository, controller)
    this.#answer(repository, { status: 'asking' })
    try {
      const look = async (remote: Calls, signal: AbortSignal) => {
        await remote.listHub(this.#catalogUrl)
        return (await remote.lookAtHub(origin, name, signal)) as HubLook
      }
      this.#answer(repository, { status: 'known', look: await this.#worker(origin).callUntil(look, controller.signal) })
    } catch (thrown) {
      const error = toValleyError(thrown)
      this.#answer(repository, error.code === 'aborted' ? null : { status: 'failed', error })
    } finally {
      this.#asking.delete(repository)
      this.#rest()
    }
  }

  /** No longer waits for what the hub says. */
  stopAsking(repository: string): void {
    this.#asking.get(repository)?.abort()
  }

  /** Deletes what is here of a repository. */
  async removeFromHub(repository: string): Promise<void> {
    await this.#call((remote) => remote.removeFromHub(repository))
    this.#job(hubAddress(repository), null)
    this.#answer(repository, null)
    await this.refresh()
  }

  /** Stops fetching; what came stays. */
  pause(packUrl: string): void {
    this.#running.get(packUrl)?.abort()
  }

  /** Imports every pack in a folder that the person chose. */
  async importFolder(files: readonly FolderFile[]): Promise<void> {
    this.#update({ importing: { status: 'coming', done: 0, total: 0 } })
    const progress = reports((done, total) => this.#update({ importing: { status: 'coming', done, total } }))
    try {
      const run = (remote: Calls, signal: AbortSignal) =>
        remote.importFolder(files, this.#modelsUrl, Comlink.proxy(progress.report), signal)
      await this.#worker().callUntil(run, new AbortController().signal).finally(progress.end)
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

  get #catalogUrl(): string {
    return new URL('catalog.json', this.#modelsUrl).href
  }

  async #fetch(
    packUrl: string,
    offer: { readonly bytes: number | null; readonly present: number } | undefined,
    hub: string,
    fetching: Fetching,
  ): Promise<boolean> {
    if (this.#running.has(packUrl)) return false
    const controller = new AbortController()
    this.#running.set(packUrl, controller)
    this.#job(packUrl, { status: 'coming', done: offer?.present ?? 0, total: offer?.bytes ?? 0 })
    const progress = reports((done, total) => {
      if (!controller.signal.aborted) this.#job(packUrl, { status: 'coming', done, total })
    })
    try {
      const run = (remote: Calls, signal: AbortSignal) => fetching(remote, Comlink.proxy(progress.report), signal)
      await this.#worker(hub).callUntil(run, controller.signal).finally(progress.end)
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

  async #call<T>(run: (remote: Calls) => Promise<T>): Promise<T> {
    this.#calls++
    try {
      return await this.#worker().call(run)
    } finally {
      this.#calls--
    }
  }

  #worker(hub = ''): WorkerClient<PacksApi> {
    const running = this.#clients.get(hub)
    if (running?.alive) return running
    const started = this.#start(hub || undefined)
    this.#clients.set(hub, started)
    return started
  }

  /** Without anybody looking or anything coming, the workers are of no use. */
  #rest(): void {
    const busy =
      this.#calls > 0 ||
      this.#running.size > 0 ||
      this.#asking.size > 0 ||
      this.#state.importing?.status === 'coming' ||
      this.#listeners.size > 0
    if (busy) return
    for (const client of this.#clients.values()) client.terminate()
    this.#clients.clear()
  }

  #job(packUrl: string, job: PackJob | null): void {
    this.#update({ jobs: changed(this.#state.jobs, packUrl, job) })
  }

  #answer(repository: string, answer: HubAnswer | null): void {
    this.#update({ answers: changed(this.#state.answers, repository, answer) })
  }

  #update(change: Partial<LibraryState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) listener()
  }
}

/** The map with another value under a key, or with none. */
function changed<T>(map: ReadonlyMap<string, T>, key: string, value: T | null): ReadonlyMap<string, T> {
  const copy = new Map(map)
  if (value === null) copy.delete(key)
  else copy.set(key, value)
  return copy
}

/** Reports of progress until `end`: they come over a port of their own, the last ones perhaps after the call is over. */
function reports(take: (done: number, total: number) => void) {
  let over = false
  return {
    report: (done: number, total: number) => {
      if (!over) take(done, total)
    },
    end: () => {
      over = true
    },
  }
}
