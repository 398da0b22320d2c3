/**
 * Ids to text as they come. A byte-level token can hold part of a character, so text is held back while it ends in an
 * unfinished UTF-8 sequence (decoded as U+FFFD), and let go when the answer ends.
 */
export class Detokeniser {
  readonly #decode: (ids: readonly number[]) => string
  readonly #ids: number[] = []
  #shown = ''

  constructor(decode: (ids: readonly number[]) => string) {
    this.#decode = decode
  }

  /** The text that `id` completes; empty while a character is unfinished. */
  push(id: number): string {
    this.#ids.push(id)
    const text = this.#decode(this.#ids)
    return text.endsWith('\u{fffd}') ? '' : this.#show(text)
  }

  /** The text that would follow if `ids` were pushed; nothing is. */
  preview(ids: readonly number[]): string {
    return this.#decode([...this.#ids, ...ids])
      .slice(this.#shown.length)
      .replace(/\u{fffd}+$/u, '')
  }

  /** Whatever was held back. */
  flush(): string {
    return this.#show(this.#decode(this.#ids))
  }

  #show(text: string): string {
    const fresh = text.slice(this.#shown.length)
    this.#shown = text
    return fresh
  }
}
