/** Says on stderr how far a run is and how long it will take, every few seconds. */
const interval = 10_000

export class Progress {
  readonly #started = Date.now()
  #said = 0
  #done = 0

  /** @param total  items still to do */
  constructor(
    readonly total: number,
    readonly what: string,
  ) {
    console.error(`${what}: ${total} to do`)
  }

  step(): void {
    this.#done += 1
    const now = Date.now()
    if (now - this.#said < interval && this.#done !== this.total) return
    this.#said = now
    const each = (now - this.#started) / this.#done
    const left = duration(each * (this.total - this.#done))
    console.error(`${this.what}: ${this.#done}/${this.total}, ${(each / 1000).toFixed(2)} s each, ${left} left`)
  }
}

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 90) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`
}
