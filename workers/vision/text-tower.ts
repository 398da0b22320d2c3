/** The text half of the pack's CLIP, for searching by words: texts to vectors that compare with the frames' by dot product. */
import type { TextTowerEntry } from '../packs/schema'
import type { ReadFile } from '../packs/source'
import { throwIfAborted } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { macrotask } from '../runtime/macrotask'
import type { OrtModule } from '../runtime/ort'
import { batchTokens, cutTokens, openTextTokenizer, type TextTokenizer, type TokenBatch } from './text-tokens'

type Session = Awaited<ReturnType<OrtModule['InferenceSession']['create']>>

/** Texts that one run takes; a run blocks the thread, so that "stop" waits for one. */
const batchSize = 16

export class TextTower {
  private constructor(
    readonly ort: OrtModule,
    readonly ledger: Ledger,
    readonly entry: TextTowerEntry,
    readonly tokenizer: TextTokenizer,
    readonly session: Session,
    readonly uncount: () => void,
  ) {}

  /** Fetches graph and tokenizer and opens a session on the CPU. Errors: as ReadFile, pack-invalid, aborted. */
  static async open(
    ort: OrtModule,
    ledger: Ledger,
    entry: TextTowerEntry,
    file: ReadFile,
    signal: AbortSignal,
  ): Promise<TextTower> {
    const tokenizer = await openTextTokenizer(
      await file(entry.tokenizer, { signal }),
      await file(entry.tokenizerConfig, { signal }),
    )
    const graph = await file(entry.file, { signal })
    const session = await ort.InferenceSession.create(graph, { executionProviders: ['wasm'] })
    return new TextTower(ort, ledger, entry, tokenizer, session, ledger.open('session'))
  }

  /** Vectors of length 1, [texts, embeddingSize], row-major in the order of the texts. Errors: aborted. */
  async embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    const { embeddingSize: size, maxTokens } = this.entry
    const vectors = new Float32Array(texts.length * size)
    const tokens = texts.map((text) => cutTokens(this.tokenizer.encode(text), maxTokens))
    for (const batch of batchTokens(tokens, batchSize, this.tokenizer.paddingId)) {
      throwIfAborted(signal)
      const rows = await this.#run(batch)
      for (const [row, member] of batch.members.entries()) {
        vectors.set(rows.subarray(row * size, (row + 1) * size), member * size)
      }
      await macrotask()
    }
    throwIfAborted(signal)
    return vectors
  }

  async dispose(): Promise<void> {
    await this.session.release()
    this.uncount()
  }

  async #run({ members, length, ids, mask }: TokenBatch): Promise<Float32Array> {
    const dims = [members.length, length]
    const uncount = this.ledger.open('tensor')
    const inputs = {
      input_ids: new this.ort.Tensor('int64', ids, dims),
      attention_mask: new this.ort.Tensor('int64', mask, dims),
    }
    try {
      const output = await this.session.run(inputs)
      const rows = Float32Array.from(output.embedding?.data as Float32Array)
      for (const tensor of Object.values(output)) tensor.dispose()
      return rows
    } finally {
      for (const tensor of Object.values(inputs)) tensor.dispose()
      uncount()
    }
  }
}
