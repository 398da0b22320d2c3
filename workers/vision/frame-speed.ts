/**
 * How long a frame takes on each backend of this machine: measured once an adapter and pack, kept, and what the choice
 * between the two is made from. Adapters' names say too little; a weak GPU can lose to a fast CPU.
 */
import { jsonHash } from '../cache/hash'
import { type RecordStore, recordStore } from '../cache/records'
import { keptFolders } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import type { FrameMs } from './backend'
import type { Encoder } from './encoder'
import { greyFrame } from './grey-frame'

/** Part of every name: raised whenever something else is measured. */
const version = 2
/** A record takes about a hundred bytes. */
const budget = 64e3

/** WASM takes its first frames through code that the browser has not optimised yet. */
const rounds = 4
/** No further round begins after this, ms. */
const patience = 1500

/** Milliseconds a frame from its pixels to its vector, the least of a few full batches. Errors: as the encoder's. */
export async function measureFrameMs(encoder: Encoder, ledger: Ledger): Promise<number> {
  const began = performance.now()
  const job = await encoder.begin(encoder.batch * rounds)
  let least = Number.POSITIVE_INFINITY
  try {
    for (let round = 0; round < rounds && (round === 0 || performance.now() - began < patience); round++) {
      const start = performance.now()
      for (let at = 0; at < encoder.batch; at++) {
        const media = greyFrame(ledger)
        try {
          await job.add(media)
        } finally {
          media.close()
        }
      }
      for (let left = encoder.batch; left > 0; ) left -= (await job.run()).length
      least = Math.min(least, (performance.now() - start) / encoder.batch)
    }
  } finally {
    job.dispose()
  }
  return least
}

/** What was measured on this machine before. */
export class KeptFrameMs {
  readonly #store: RecordStore

  constructor(store: RecordStore = recordStore(keptFolders.speeds, budget)) {
    this.#store = store
  }

  /** null: not measured yet, or not kept. */
  async find(adapter: string, packHash: string): Promise<FrameMs | null> {
    const meta = (await this.#store.read(await nameOf(adapter, packHash)))?.meta as FrameMs | undefined
    return meta ? { webgpu: meta.webgpu, wasm: meta.wasm } : null
  }

  async keep(adapter: string, packHash: string, frameMs: FrameMs): Promise<void> {
    await this.#store.write(await nameOf(adapter, packHash), { meta: frameMs, parts: [] })
  }
}

/** Browsers differ in speed on the same machine, and their versions too. */
const nameOf = (adapter: string, packHash: string) =>
  jsonHash([version, adapter, packHash, navigator.userAgent, navigator.hardwareConcurrency])
