/** `embed_tokens` of a hub's repository: rows are looked up by its graph, and kept once they were. */
import type { InferenceSession } from 'onnxruntime-web'
import type { HubGraph } from '../../packs/hub/graphs'
import { openSession } from '../../packs/hub/session'
import { floatsOf } from '../../packs/hub/tensors'
import { toValleyError } from '../../protocol'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'

export class HubEmbedding {
  readonly #rows = new Map<number, Float32Array>()
  readonly #close: () => void

  private constructor(
    readonly ort: OrtModule,
    readonly session: InferenceSession,
    readonly hiddenSize: number,
    ledger: Ledger,
  ) {
    this.#close = ledger.open('session')
  }

  /** Starts the session. Errors: as openSession */
  static async open(ort: OrtModule, graph: HubGraph, hiddenSize: number, ledger: Ledger): Promise<HubEmbedding> {
    const session = await openSession(ort, graph, 'wasm')
    return new HubEmbedding(ort, session, hiddenSize, ledger)
  }

  /** Embeddings of `ids`, [ids, hiddenSize]. */
  async rows(ids: readonly number[]): Promise<Float32Array> {
    await this.load(ids)
    const rows = new Float32Array(ids.length * this.hiddenSize)
    for (const [at, id] of ids.entries()) this.lookUp(id, rows.subarray(at * this.hiddenSize))
    return rows
  }

  /** Looks up the rows of `ids` that are not here yet. */
  async load(ids: Iterable<number>): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.#rows.has(id))
    if (missing.length === 0) return
    const input = new this.ort.Tensor('int64', BigInt64Array.from(missing, BigInt), [1, missing.length])
    const outputs = await this.session.run({ input_ids: input }).catch((thrown: unknown) => {
      throw toValleyError(thrown, 'internal', { stage: 'embedding' })
    })
    const rows = floatsOf(outputs.inputs_embeds)
    for (const [at, id] of missing.entries()) {
      this.#rows.set(id, rows.subarray(at * this.hiddenSize, (at + 1) * this.hiddenSize))
    }
    for (const tensor of [input, ...Object.values(outputs)]) tensor.dispose()
  }

  /** Writes the row of `id`, which `load` has looked up, into `out` [hiddenSize]. */
  lookUp(id: number, out: Float32Array): void {
    const row = this.#rows.get(id)
    if (!row) throw new RangeError(`the embedding of ${id} was not looked up`)
    out.set(row)
  }

  async dispose(): Promise<void> {
    this.#close()
    this.#rows.clear()
    await this.session.release()
  }
}
