/** Installing the page as an app: what the browser offers, kept until the person wants it. */

/** Chromium's event, which TypeScript's library lacks: https://developer.mozilla.org/docs/Web/API/BeforeInstallPromptEvent */
export type InstallPromptEvent = Event & {
  prompt(): Promise<unknown>
}

/**
 * `offered`: the browser can install the page, and asks the person when told to. `by-hand`: it installs through its own
 * menu only (iPhones and iPads). `none`: there is nothing to say, because it is installed, runs as an app already, or cannot be.
 */
export type InstallState = 'offered' | 'by-hand' | 'none'

const asApp = '(display-mode: standalone), (display-mode: minimal-ui), (display-mode: window-controls-overlay)'

/** Begins to listen when it is made: browsers offer once, early. It lives as long as the page. */
export class InstallOffer {
  readonly #listeners = new Set<() => void>()
  #event: InstallPromptEvent | null = null
  #state: InstallState

  constructor() {
    // Only WebKit on phones and tablets has `standalone`; there every browser can put a page on the home screen.
    const { standalone } = navigator as { standalone?: boolean }
    const runsAsApp = standalone === true || matchMedia(asApp).matches
    this.#state = standalone === false && !runsAsApp ? 'by-hand' : 'none'
    if (runsAsApp) return
    window.addEventListener('beforeinstallprompt', (event) => {
      // Else Chromium on phones puts a bar of its own over the page.
      event.preventDefault()
      this.#event = event as InstallPromptEvent
      this.#set('offered')
    })
    window.addEventListener('appinstalled', () => {
      this.#event = null
      this.#set('none')
    })
  }

  getState = (): InstallState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Lets the browser ask the person. Each offer can be taken up once; declined, the browser makes another when it sees fit. */
  async prompt(): Promise<void> {
    const event = this.#event
    if (!event) return
    this.#event = null
    this.#set('none')
    await event.prompt().catch((thrown: unknown) => console.warn('the browser does not install', thrown))
  }

  #set(state: InstallState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}
