/** The app's encoder without a GPU, with and without its warm-up before a first clip. */
import { Ledger } from '../../../workers/runtime/ledger'
import { registerTransferHandlers } from '../../../workers/transfer'
import type { Encoder, TakenFrame } from '../../../workers/vision/encoder'
import { greyFrame } from '../../../workers/vision/grey-frame'
import { LoadedPack } from '../../../workers/vision/loaded-pack'
import { thumbnailOf } from '../../../workers/vision/thumbnail'
import { WasmEncoder } from '../../../workers/vision/wasm-encoder'
import { parameter } from './peer'

registerTransferHandlers()

export type WarmUpTimes = {
  /** Of each step of the warm-up. */
  readonly stepsMs: readonly number[]
  /** Of a first clip after it. */
  readonly clipMs: number
}

/** Milliseconds of the warm-up's steps, where it is wanted, and of `frames` frames of 720p afterwards. */
async function encodeFirst(frames: number, warmUp: boolean): Promise<WarmUpTimes> {
  const ledger = new Ledger()
  const pack = await LoadedPack.read(new URL(parameter('pack'), location.href).href, ledger, () => {})
  const encoder = await WasmEncoder.create(ledger, pack)
  try {
    const stepsMs: number[] = []
    for (const step of warmUp ? encoder.idleWarmUp : []) stepsMs.push(await timed(step))
    // The second worker's opening, which no step waits for; a person who takes longer than the steps does.
    if (warmUp) await encoder.warmUp()
    return { stepsMs, clipMs: await timed(() => encode(encoder, ledger, frames)) }
  } finally {
    await encoder.dispose()
    await pack.dispose()
  }
}

/** As workers/vision/encode-clip.ts goes through a clip: so many frames on their way as the encoder takes. */
async function encode(encoder: Encoder, ledger: Ledger, frames: number): Promise<void> {
  const job = await encoder.begin(frames)
  const thumbnails: Promise<Blob>[] = []
  try {
    for (let at = 0; at < frames; at++) {
      if (at >= encoder.batch) await job.run()
      const media = greyFrame(ledger)
      try {
        const { read }: TakenFrame = await job.add(media)
        if (read) thumbnails.push(thumbnailOf(read))
      } finally {
        media.close()
      }
    }
    while ((await job.run()).length > 0);
    await job.finish()
    await Promise.all(thumbnails)
  } finally {
    job.dispose()
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

Object.assign(globalThis, { encodeFirst })
