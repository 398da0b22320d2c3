/**
 * The tower without a GPU, in workers beside this one (in this one where it may start none): a frame each at a time. Two
 * towers on one thread each encode two frames in less time than one tower on two threads, whose kernels are too short to be
 * shared well; and this thread stays free to feed the decoder while frames are encoded.
 */
import * as Comlink from 'comlink'
import { ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { Loss } from '../runtime/loss'
import { mayStartWorkers } from '../runtime/ort'
import { type FrameToSee, type LanePack, type SeenFrame, TowerLane } from './tower-lane'
import type { TowerLaneApi } from './tower-lane.worker'

/** Each holds the tower's weights and the runtime's memory once more. */
const most = 2

type Lane = {
  readonly api: TowerLaneApi
  /** Of the worker: it cannot go on. */
  readonly loss: Loss
  readonly end: () => void
  /** Frames that it was given and has not given back. */
  waiting: number
  /** Frames that it was ever given. */
  given: number
}

/** Whether `one` is to have the next frame rather than `other`; of two that rest, the one that is less warm. */
const isFreer = (one: Lane, other: Lane) =>
  one.waiting < other.waiting || (one.waiting === other.waiting && one.given < other.given)

export class TowerLanes {
  readonly #pack: LanePack
  readonly #ledger: Ledger
  /** One tower, however many workers run it. */
  readonly #uncount: () => void
  readonly #lanes = new Set<Lane>()
  readonly #wanted = mayStartWorkers() ? Math.max(1, Math.min(most, navigator.hardwareConcurrency)) : 1
  /** The opening of those that are still missing. */
  #growing: Promise<void> | undefined
  /** The opening of one. */
  #adding: Promise<void> | undefined
  #disposed = false

  private constructor(ledger: Ledger, pack: LanePack) {
    this.#pack = pack
    this.#ledger = ledger
    this.#uncount = ledger.open('session')
  }

  /** With one worker: `grow` opens the rest. Errors: as the runtime's. */
  static async open(ledger: Ledger, pack: LanePack): Promise<TowerLanes> {
    const lanes = new TowerLanes(ledger, pack)
    try {
      await lanes.#add()
      return lanes
    } catch (thrown) {
      lanes.dispose()
      throw thrown
    }
  }

  /** Opens the workers that are missing; one that cannot be opened is done without. */
  grow(): Promise<void> {
    this.#growing ??= this.#fill().finally(() => {
      this.#growing = undefined
    })
    return this.#growing
  }

  /**
   * Encodes a frame in the worker that has the least to do; its buffer is given away. Frames wait in the worker, so that it
   * goes from one to the next by itself.
   * Errors: worker-died
   */
  async see(frame: FrameToSee): Promise<SeenFrame> {
    if (this.#disposed) throw died()
    const uncount = this.#ledger.open('tensor')
    let lane: Lane | undefined
    try {
      if (this.#lanes.size === 0) await this.#add()
      if (this.#disposed) throw died()
      lane = [...this.#lanes].reduce((best, each) => (isFreer(each, best) ? each : best))
      lane.waiting += 1
      lane.given += 1
      const { source } = frame
      const buffer = ('layouts' in source ? source.bytes : source.data).buffer as ArrayBuffer
      return await lane.loss.orLost(lane.api.see(Comlink.transfer(frame, [buffer])))
    } finally {
      if (lane) lane.waiting -= 1
      uncount()
    }
  }

  dispose(): void {
    this.#disposed = true
    for (const lane of this.#lanes) lane.end()
    this.#lanes.clear()
    this.#uncount()
  }

  async #fill(): Promise<void> {
    while (this.#lanes.size < this.#wanted && !this.#disposed) {
      try {
        await this.#add()
      } catch (thrown) {
        console.warn('frames are encoded by fewer workers', thrown)
        return
      }
    }
  }

  /** Opens one more. Who asks while one is being opened waits for that: frames that find none would open one each. */
  #add(): Promise<void> {
    this.#adding ??= this.#openLane().finally(() => {
      this.#adding = undefined
    })
    return this.#adding
  }

  async #openLane(): Promise<void> {
    const lane = mayStartWorkers() ? startLane(() => this.#lanes.delete(lane)) : laneHere()
    try {
      const { tower, manifest } = this.#pack
      await lane.loss.orLost(lane.api.open({ tower, manifest }))
      if (this.#disposed) lane.end()
      else this.#lanes.add(lane)
    } catch (thrown) {
      lane.end()
      throw thrown
    }
  }
}

const died = () => new ValleyError('worker-died', { worker: 'vision' })

/** The tower in this very worker, which stands still while it runs. */
function laneHere(): Lane {
  let lane: TowerLane | undefined
  const open = async (pack: LanePack) => {
    lane = await TowerLane.open(pack)
  }
  const see = async (frame: FrameToSee) => {
    if (!lane) throw new Error('no tower is open')
    return lane.see(frame)
  }
  const end = () => void lane?.tower.dispose()
  return { api: { open, see }, loss: new Loss(), end, waiting: 0, given: 0 }
}

/** @param onBreak  called when the worker cannot go on, which has then been ended */
function startLane(onBreak: () => void): Lane {
  const worker = new Worker(new URL('./tower-lane.worker.ts', import.meta.url), { type: 'module' })
  // By a channel of its own: what goes by way of the page (runtime/page-threads.ts) is copied, and waits for the page.
  const { port1, port2 } = new MessageChannel()
  worker.postMessage(port2, [port2])
  const api = Comlink.wrap<TowerLaneApi>(port1)
  const loss = new Loss()
  const end = () => {
    loss.lose(died())
    port1.close()
    worker.terminate()
  }
  worker.addEventListener('error', () => {
    end()
    onBreak()
  })
  return { api, loss, end, waiting: 0, given: 0 }
}
