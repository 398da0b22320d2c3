/** A clip given as its frames: pictures in time order, opened one at a time, as a strip cut up or a folder of stills has them. */
import { ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { openImage } from './image'
import type { OpenedMedia } from './media'
import { sniff, sniffBytes } from './sniff'

/**
 * Picture i stands from i / framesPerSecond on, so that the sampling plan takes every picture until its budget is spent,
 * then pictures evenly spread: floor((i + 0.5) / T * N), as training does with strips.
 * @param framesPerSecond  of the pack's sampling plan
 * Errors: empty-file for no pictures, not-a-video for one that is none, and those of `openImage`.
 */
export async function openPictures(
  pictures: readonly Blob[],
  name: string,
  framesPerSecond: number,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<OpenedMedia> {
  const [first] = pictures
  if (!first) throw new ValleyError('empty-file', { name })
  const opening = await openPicture(first, name, ledger, signal)
  const { info } = opening
  opening.dispose()
  return {
    info: { ...info, kind: 'video', duration: pictures.length / framesPerSecond },
    start: 0,
    settle: async (timestamps) => timestamps,
    async *frames(timestamps, signal) {
      for (const timestamp of timestamps) {
        const picture = pictures[Math.floor(timestamp * framesPerSecond)]
        if (!picture) continue
        const media = await openPicture(picture, name, ledger, signal)
        try {
          for await (const frame of media.frames([0], signal)) yield { ...frame, timestamp }
        } finally {
          media.dispose()
        }
      }
    },
    dispose: () => {},
  }
}

async function openPicture(picture: Blob, name: string, ledger: Ledger, signal: AbortSignal): Promise<OpenedMedia> {
  const head = new Uint8Array(await picture.slice(0, sniffBytes).arrayBuffer())
  const sniffed = sniff(head)
  if (sniffed.kind !== 'image') throw new ValleyError('not-a-video', { name, type: picture.type })
  return openImage(picture, sniffed, ledger, signal)
}
