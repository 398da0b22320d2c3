/** The app's opening and decoding of a clip without its encoder. */
import { Ledger } from '../../../workers/runtime/ledger'
import { openMedia } from '../../../workers/vision/media'

/** Milliseconds for `count` frames in the middles of as many parts of the clip in the page's file input. */
async function decodeFrames(count: number): Promise<number> {
  const file = document.querySelector('input')?.files?.[0]
  if (!file) throw new Error('no clip was chosen')
  const { signal } = new AbortController()
  const started = performance.now()
  const media = await openMedia(file, file.name, new Ledger(), signal)
  try {
    const moments = Array.from({ length: count }, (_, at) => media.start + ((at + 0.5) / count) * media.info.duration)
    for await (const frame of media.frames(moments, signal)) frame.close()
    return performance.now() - started
  } finally {
    media.dispose()
  }
}

Object.assign(globalThis, { decodeFrames })
