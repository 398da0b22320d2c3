/** Whose the engine of this device is: of one tab at a time. */
export type Ownership = 'asking' | 'here' | 'elsewhere'

type OwnedEngine = { start(): void; suspend(): void }

/**
 * Two tabs with an engine each would need twice the memory, and would write the same files. So the engine belongs to the
 * tab that holds a Web Lock. Another waits in line and starts its own when that tab closes, or takes over at once.
 */
export class EngineOwner {
  readonly #engine: OwnedEngine
  readonly #locks: LockManager | undefined
  readonly #lockName: string
  readonly #listeners = new Set<() => void>()
  #state: Ownership = 'asking'
  /** Ends the wait in line. */
  #line = new AbortController()

  /** @param locks  undefined where the browser has none; the engine then starts regardless */
  constructor(engine: OwnedEngine, locks: LockManager | undefined, lockName = 'valley-engine') {
    this.#engine = engine
    this.#locks = locks
    this.#lockName = lockName
  }

  getState = (): Ownership => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Starts the engine as soon as no other tab has one. */
  async claim(): Promise<void> {
    const locks = this.#locks
    if (!locks) return this.#own()
    this.#line = new AbortController()
    const { signal } = this.#line
    const { held } = await locks.query()
    if (held?.some(({ name }) => name === this.#lockName)) this.#set('elsewhere')
    await this.#hold(locks, { signal }).catch((thrown: unknown) => {
      if (!signal.aborted) throw thrown
    })
  }

  /** Takes the engine from the tab that has it. */
  takeOver = (): void => {
    if (this.#state === 'here' || !this.#locks) return
    this.#line.abort()
    void this.#hold(this.#locks, { steal: true })
  }

  async #hold(locks: LockManager, options: LockOptions): Promise<void> {
    let owned = false
    try {
      await locks.request(this.#lockName, options, () => {
        owned = true
        this.#own()
        // Held until the tab is gone or another takes it.
        return new Promise<never>(() => {})
      })
    } catch (thrown) {
      if (!owned) throw thrown
      this.#set('elsewhere')
      this.#engine.suspend()
      await this.claim()
    }
  }

  #own(): void {
    this.#set('here')
    this.#engine.start()
  }

  #set(state: Ownership): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}
