/**
 * `decoder_model_merged` of a hub's repository behind the same calls as our own decoder: one call runs a chunk of positions
 * after those already run. On the CPU, or on a GPU, where the past stays.
 */
import type { InferenceSession, Tensor } from 'onnxruntime-web'
import type { HubText } from '../../packs/hub/config'
import type { HubGraph } from '../../packs/hub/graphs'
import { openSession } from '../../packs/hub/session'
import { floatsOf } from '../../packs/hub/tensors'
import { type Backend, toValleyError } from '../../protocol'
import type { GpuDevice } from '../../runtime/device'
import { DeviceLoss } from '../../runtime/device-loss'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import type { ChunkLayout } from '../decoder'
import { CpuMemory, GpuMemory, type PastType } from './memory'
import { HubPast, presentNames } from './past'

export class HubDecoder {
  readonly backend: Backend
  readonly past: HubPast
  readonly #close: () => void
  readonly #loss: DeviceLoss

  private constructor(
    readonly ort: OrtModule,
    readonly session: InferenceSession,
    readonly text: HubText,
    /** Positions that it may hold. */
    readonly capacity: number,
    gpu: GpuDevice | null,
    loss: DeviceLoss,
    weightBytes: number,
    ledger: Ledger,
  ) {
    this.backend = gpu ? 'webgpu' : 'wasm'
    const type = pastType(session)
    this.past = new HubPast(gpu ? new GpuMemory(ort, gpu.device, type) : new CpuMemory(ort, type), text, ledger)
    this.#close = ledger.open('session', gpu ? weightBytes : 0)
    this.#loss = loss
  }

  /** Starts the session, on `gpu` or on the CPU for null. Errors: as openSession, and device-lost */
  static async open(
    ort: OrtModule,
    graph: HubGraph,
    text: HubText,
    capacity: number,
    gpu: GpuDevice | null,
    ledger: Ledger,
  ): Promise<HubDecoder> {
    // The past of one run is the input of the next: it stays where it is.
    const opening = gpu
      ? openSession(ort, graph, { name: 'webgpu', device: gpu.device }, presentNames(text))
      : openSession(ort, graph, 'wasm')
    const loss = new DeviceLoss(gpu)
    const session = await loss.orLost(opening)
    const weightBytes = graph.beside.reduce((sum, { data }) => sum + data.length, graph.bytes.length)
    return new HubDecoder(ort, session, text, Math.min(capacity, text.maxPositions), gpu, loss, weightBytes, ledger)
  }

  get vocabSize(): number {
    return this.text.vocabSize
  }

  get hiddenSize(): number {
    return this.text.hiddenSize
  }

  get length(): number {
    return this.past.length
  }

  /** Of `length` positions that a caller could keep, those that this decoder can. */
  reusable(length: number): number {
    return this.past.reusable(length)
  }

  truncate(length: number): void {
    this.past.truncate(length)
  }

  /** Leaves the first `from` positions. These graphs see all that is before them: there is no tree of beams to choose from. */
  keep(from: number, rows: readonly number[]): void {
    if (rows.length > 0) throw new RangeError('a decoder of the hub has no branches')
    this.past.truncate(from)
  }

  save(length: number): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.past.save(length)
  }

  restore(tensors: readonly Uint8Array<ArrayBuffer>[], length: number): void {
    this.past.restore(tensors, length)
  }

  /**
   * Runs the positions after those already run.
   * @param embeds  [rows, hiddenSize]
   * @param wanted  rows of this chunk whose logits are returned, [vocabSize] each
   * Errors: device-lost, internal
   */
  async run(embeds: Float32Array, wanted: readonly number[], layout?: ChunkLayout): Promise<Float32Array[]> {
    if (layout) throw new RangeError('a decoder of the hub runs one position after another')
    if (this.#loss.error) throw this.#loss.error
    const rows = embeds.length / this.hiddenSize
    const before = this.length
    if (before + rows > this.capacity)
      throw new RangeError(`no room for ${before} + ${rows} of ${this.capacity} positions`)
    const feeds = this.#feeds(embeds, rows, wanted)
    try {
      const outputs = await this.#loss.orLost(this.session.run({ ...feeds, ...this.past.feeds() }))
      this.past.take(outputs, rows)
      const logits = outputs.logits
      const data = wanted.length > 0 ? floatsOf(logits) : new Float32Array(0)
      logits?.dispose()
      const given = data.length / this.vocabSize
      return wanted.map((row) => {
        const at = row - (rows - given)
        return data.slice(at * this.vocabSize, (at + 1) * this.vocabSize)
      })
    } catch (thrown) {
      throw toValleyError(thrown, 'internal', { stage: 'decoder' })
    } finally {
      for (const tensor of Object.values(feeds)) tensor.dispose()
    }
  }

  async dispose(): Promise<void> {
    this.past.dispose()
    this.#close()
    // A session whose device is gone may still be inside a run that never returns; touching it would block the worker.
    if (!this.#loss.error) await this.session.release()
  }

  /** What the graph asks for of all that such a graph may ask for, the past left out. */
  #feeds(embeds: Float32Array, rows: number, wanted: readonly number[]): Record<string, Tensor> {
    const { Tensor } = this.ort
    const before = this.length
    // A graph that can gives the logits of the last rows alone: the others cost a vocabulary each.
    const last = wanted.every((row) => row === rows - 1)
    const positions = BigInt64Array.from({ length: rows }, (_, row) => BigInt(before + row))
    const all = {
      inputs_embeds: new Tensor('float32', embeds, [1, rows, this.hiddenSize]),
      attention_mask: new Tensor('int64', new BigInt64Array(before + rows).fill(1n), [1, before + rows]),
      position_ids: new Tensor('int64', positions, [1, rows]),
      num_logits_to_keep: new Tensor('int64', BigInt64Array.of(last ? 1n : 0n), []),
    }
    return Object.fromEntries(Object.entries(all).filter(([name]) => this.session.inputNames.includes(name)))
  }
}

/** As the graph declares what it takes of the past; all of it is of one type. */
function pastType({ inputMetadata }: InferenceSession): PastType {
  const past = inputMetadata.find(({ name }) => name.startsWith('past'))
  return past?.isTensor && past.type === 'float16' ? 'float16' : 'float32'
}
