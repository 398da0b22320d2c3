/** A clip's source that is being opened while it is found out whether that is needed. */
import { type ClipSource, throwIfAborted } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { type OpenedMedia, openMedia } from './media'
import { openPictures } from './pictures'

export class Opening {
  /** When it was begun (performance.now). */
  readonly started = performance.now()
  readonly #unneeded = new AbortController()
  readonly #media: Promise<OpenedMedia>

  /** @param framesPerSecond  of the pack's sampling plan */
  constructor(source: ClipSource, name: string, framesPerSecond: number, ledger: Ledger, signal: AbortSignal) {
    const either = AbortSignal.any([signal, this.#unneeded.signal])
    this.#media =
      source instanceof Blob
        ? openMedia(source, name, ledger, either)
        : openPictures(source, name, framesPerSecond, ledger, either)
    // Where it is not needed nobody asks how it ended.
    this.#media.catch(() => undefined)
  }

  /** Errors: those of `openMedia` and `openPictures` */
  async media(signal: AbortSignal): Promise<OpenedMedia> {
    const media = await this.#media
    throwIfAborted(signal)
    return media
  }

  /** Resolves when nothing of it is open any more. */
  async close(): Promise<void> {
    this.#unneeded.abort()
    await this.#media.then(
      (media) => media.dispose(),
      () => undefined,
    )
  }
}
