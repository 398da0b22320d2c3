import { untilNobodyAnswers } from './answer-lock'

/**
 * `none`: this is the newest version as far as is known. `ready`: a newer one is on this device. `agreed`: the person
 * wants it, and it waits for an answer to end. `elsewhere`: another tab took it, this one still shows the old.
 */
export type UpdateState = 'none' | 'ready' | 'agreed' | 'elsewhere'

export type AppShellOptions = {
  readonly script: URL
  /** Whether a reload loses nothing: the person has not begun anything on this page. */
  readonly mayReload: () => boolean
  readonly reload?: () => void
}

/** A first installation fetches the shell once; a page that hears nothing for this long (ms) goes on without. */
const installPatience = 20_000
/** An app that stays open looks for updates this often (ms), when it comes into view. */
const checkInterval = 60 * 60 * 1000
/** Set in this tab while the one reload that brings isolation is under way. */
const reloadMark = 'valley.isolating'

/** The service worker as the page sees it: installed at the first visit, updated when the person agrees. */
export class AppShell {
  readonly #options: AppShellOptions
  readonly #listeners = new Set<() => void>()
  #registration: ServiceWorkerRegistration | null = null
  #state: UpdateState = 'none'
  #checked = Date.now()

  constructor(options: AppShellOptions) {
    this.#options = options
  }

  getState = (): UpdateState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Resolves when the service worker serves this page, so that all that loads from then on is kept for offline use; at
   * once where there is none to be had (private windows, http). On a host that sends no isolation headers it reloads
   * the page once instead, and never resolves. Never rejects.
   */
  async start(): Promise<void> {
    const container = navigator.serviceWorker as ServiceWorkerContainer | undefined
    // Without locks an update could not be kept from cutting an answer short.
    if (!container || !navigator.locks) return
    try {
      const registering = this.#register(container)
      if (!container.controller) await registering
      else registering.catch(onRefused)
    } catch (thrown) {
      onRefused(thrown)
      return
    }
    if (container.controller ?? this.#registration?.active) await this.#isolate()
  }

  /** Takes the newer version as soon as no tab is writing an answer, and reloads this one. */
  async apply(): Promise<void> {
    if (this.#state !== 'ready' && this.#state !== 'elsewhere') return
    this.#set('agreed')
    await untilNobodyAnswers()
    const waiting = this.#registration?.waiting
    if (waiting) {
      const replaced = once(navigator.serviceWorker, 'controllerchange', installPatience)
      waiting.postMessage({ type: 'SKIP_WAITING' })
      await replaced
    }
    this.#reload()
  }

  async #register(container: ServiceWorkerContainer): Promise<void> {
    const served = container.controller !== null
    const control = once(container, 'controllerchange', installPatience)
    const registration = (await container.register(this.#options.script)) as ServiceWorkerRegistration | undefined
    // A browser that is told to block service workers resolves to nothing.
    if (!registration) return
    this.#registration = registration
    this.#watch(registration, container, served)
    const first = registration.installing
    // A reload that goes past the cache leaves the page without a service worker though one is there.
    if (served || registration.active || !first) return
    const refused = new Promise<void>((resolve) => {
      first.addEventListener('statechange', () => first.state === 'redundant' && resolve())
    })
    await Promise.race([control, refused])
  }

  #watch(registration: ServiceWorkerRegistration, container: ServiceWorkerContainer, served: boolean): void {
    const announce = () => {
      if (registration.waiting && container.controller && this.#state === 'none') this.#set('ready')
    }
    announce()
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', announce)
    })
    let controlled = served
    container.addEventListener('controllerchange', () => {
      if (controlled && this.#state !== 'agreed') this.#set('elsewhere')
      controlled = true
    })
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState !== 'visible' || Date.now() - this.#checked < checkInterval) return
      this.#checked = Date.now()
      // Offline, most likely.
      registration.update().catch(() => {})
    })
  }

  /** One reload through the service worker, which adds the headers that isolation takes. */
  async #isolate(): Promise<void> {
    if (crossOriginIsolated) return forgetReload()
    if (this.#options.mayReload() && rememberReload()) {
      this.#reload()
      await new Promise(() => {})
    }
  }

  #reload(): void {
    if (this.#options.reload) this.#options.reload()
    else location.reload()
  }

  #set(state: UpdateState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

const onRefused = (thrown: unknown) => console.warn('no service worker: nothing is kept for offline use', thrown)

/** Resolves at the next event of that name, or after `patience` ms. */
function once(target: EventTarget, name: string, patience: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, patience)
    target.addEventListener(
      name,
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}

/** Whether this tab may reload: false where it just did, or could not remember that it did. */
function rememberReload(): boolean {
  try {
    if (sessionStorage.getItem(reloadMark)) return false
    sessionStorage.setItem(reloadMark, '1')
    return true
  } catch {
    return false
  }
}

function forgetReload(): void {
  try {
    sessionStorage.removeItem(reloadMark)
  } catch {
    // Nothing was remembered either.
  }
}
