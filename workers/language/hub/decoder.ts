/**
 * `decoder_model_merged` of a hub's repository behind the same calls as our own decoder: one call runs a chunk of positions
 * after those already run. On the CPU.
 */
import type { InferenceSession } from 'onnxruntime-web'
import type { HubText } from '../../packs/hub/config'
import type { HubGraph } from '../../packs/hub/graphs'
import { openSession } from '../../packs/hub/session'
import { floatsOf } from '../../packs/hub/tensors'
import { toValleyError } from '../../protocol'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import type { ChunkLayout } from '../decoder'
import { HubPast } from './past'

export class HubDecoder {
  readonly backend = 'wasm'
  readonly #close: () => void

  private constructor(
    readonly ort: OrtModule,
    readonly session: InferenceSession,
    readonly text: HubText,
    readonly past: HubPast,
    /** Positions that it may hold. */
    readonly capacity: number,
    ledger: Ledger,
  ) {
    this.#close = ledger.open('session')
  }

  /** Starts the session. Errors: as openSession */
  static async open(
    ort: OrtModule,
    graph: HubGraph,
    text: HubText,
    capacity: number,
    ledger: Ledger,
  ): Promise<HubDecoder> {
    const session = await openSession(ort, graph, 'wasm')
    return new HubDecoder(ort, session, text, new HubPast(ort, text), Math.min(capacity, text.maxPositions), ledger)
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

  async save(length: number): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.past.save(length).map(({ buffer }) => new Uint8Array(buffer))
  }

  restore(tensors: readonly Uint8Array<ArrayBuffer>[], length: number): void {
    this.past.restore(
      tensors.map((bytes) => new Float32Array(bytes.slice().buffer)),
      length,
    )
  }

  /**
   * Runs the positions after those already run.
   * @param embeds  [rows, hiddenSize]
   * @param wanted  rows of this chunk whose logits are returned, [vocabSize] each
   * Errors: internal
   */
  async run(embeds: Float32Array, wanted: readonly number[], layout?: ChunkLayout): Promise<Float32Array[]> {
    if (layout) throw new RangeError('a decoder of the hub runs one position after another')
    const rows = embeds.length / this.hiddenSize
    const before = this.length
    // A graph that can gives the logits of the last rows alone: the others cost a vocabulary each.
    const last = wanted.every((row) => row === rows - 1)
    const all = {
      inputs_embeds: this.#tensor('float32', embeds, [1, rows, this.hiddenSize]),
      attention_mask: this.#tensor('int64', new BigInt64Array(before + rows).fill(1n), [1, before + rows]),
      position_ids: this.#tensor(
        'int64',
        BigInt64Array.from({ length: rows }, (_, row) => BigInt(before + row)),
        [1, rows],
      ),
      num_logits_to_keep: this.#tensor('int64', BigInt64Array.of(last ? 1n : 0n), []),
      ...this.past.feeds(),
    }
    const feeds = Object.fromEntries(Object.entries(all).filter(([name]) => this.session.inputNames.includes(name)))
    const outputs = await this.session.run(feeds).catch((thrown: unknown) => {
      throw toValleyError(thrown, 'internal', { stage: 'decoder' })
    })
    this.past.take(outputs, rows)
    const logits = floatsOf(outputs.logits)
    const given = logits.length / this.vocabSize
    const results = wanted.map((row) => {
      const at = row - (rows - given)
      return logits.slice(at * this.vocabSize, (at + 1) * this.vocabSize)
    })
    for (const tensor of [...Object.values(all), ...Object.values(outputs)]) tensor?.dispose()
    return results
  }

  async dispose(): Promise<void> {
    this.#close()
    await this.session.release()
  }

  #tensor(type: 'float32' | 'int64', data: Float32Array | BigInt64Array, dims: readonly number[]) {
    return new this.ort.Tensor(type, data, dims)
  }
}
