/**
 * What the KV cache holds, by position: a prompt is compared with it, the common prefix is kept, and only the rest is
 * run, in chunks short enough that a stop is heard.
 */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { type Decoder, treeBias } from './decoder'
import { commonPrefix, type PositionKey, type Sequence } from './splice'

/**
 * The first template tokens are an attention sink whose activations are far larger than all others; int8 activations
 * have one scale a chunk, so these positions always form a chunk of their own.
 */
export const sinkTokens = 4
/** Positions a run takes at most while prefilling: about half a second on two CPU cores. */
export const chunkTokens = 64

export type PrefillOptions = {
  /** Positions that begin a chunk beside the regular ones. Same boundaries, same int8 activations, same tokens. */
  readonly boundaries?: readonly number[]
  /** Positions of the prompt run so far and to run in all (the reused ones left out). */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal | undefined
}

/** One of several continuations of a shared beginning that lie in the cache beside each other. */
export type Branch = {
  /** What its next position holds. */
  readonly key: PositionKey
  /** Where that position stands in the continuation's own text. */
  readonly position: number
  /** Cached rows after the shared ones that belong to it, ascending. */
  readonly rows: readonly number[]
}

/** The chunks [from, to) of a prefill that starts at `start` and ends at `end`. Pure. */
export function planChunks(start: number, end: number, boundaries: readonly number[] = []): [number, number][] {
  const stops = [sinkTokens, ...boundaries].sort((a, b) => a - b)
  const chunks: [number, number][] = []
  for (let from = start; from < end; ) {
    const stop = stops.find((position) => position > from) ?? end
    const to = Math.min(from + chunkTokens, stop, end)
    chunks.push([from, to])
    from = to
  }
  return chunks
}

/** How much of `wanted` the cached keys already cover. A partly covered sink chunk is run anew as a whole. Pure. */
export function reusablePrefix(cached: readonly PositionKey[], wanted: readonly PositionKey[]): number {
  const length = commonPrefix(cached, wanted)
  return length < Math.min(sinkTokens, wanted.length) ? 0 : length
}

/** A decoder as far as a context drives it. */
export type ChunkRunner = Pick<Decoder, 'length' | 'run' | 'truncate' | 'keep' | 'save' | 'restore'> & {
  /** Of `length` positions that could be kept, those that this decoder can keep; all of them where absent. */
  readonly reusable?: (length: number) => number
}

export class Context {
  readonly #decoder: ChunkRunner
  #keys: PositionKey[] = []

  constructor(decoder: ChunkRunner) {
    this.#decoder = decoder
  }

  /** Keys of the cached positions. */
  get keys(): readonly PositionKey[] {
    return this.#keys
  }

  /**
   * Makes the cache hold positions 0..end-1 of `sequence` and nothing else.
   * @returns how many of them were already there
   * Errors: aborted (what was run stays usable), device-lost
   */
  async fill(sequence: Sequence, end: number, options: PrefillOptions = {}): Promise<number> {
    const reused = this.#keepable(Math.min(reusablePrefix(this.#keys, sequence.keys), end))
    await this.#run(sequence, reused, end, false, options)
    return reused
  }

  /**
   * Makes the cache hold all of `sequence` and gives its last position's logits [vocabSize]. Where the cache covers all
   * of it, the last position is run again. Returns and errors else as `fill`.
   */
  async prefill(sequence: Sequence, options: PrefillOptions = {}): Promise<{ logits: Float32Array; reused: number }> {
    const end = sequence.keys.length
    const covered = reusablePrefix(this.#keys, sequence.keys)
    const reused = this.#keepable(covered < end ? covered : end > sinkTokens ? end - 1 : 0)
    const logits = await this.#run(sequence, reused, end, true, options)
    return { logits: logits ?? new Float32Array(0), reused }
  }

  #keepable(length: number): number {
    return this.#decoder.reusable?.(length) ?? length
  }

  async #run(
    sequence: Sequence,
    start: number,
    end: number,
    wanted: boolean,
    { boundaries = [], onProgress, signal }: PrefillOptions,
  ): Promise<Float32Array | undefined> {
    this.truncate(start)
    let logits: Float32Array | undefined
    onProgress?.(0, end - start)
    for (const [from, to] of planChunks(start, end, boundaries)) {
      await macrotask()
      throwIfAborted(signal)
      const rows = wanted && to === end ? [to - from - 1] : []
      const results = await this.#decoder.run(sequence.embed(from, to), rows)
      logits = results[0]
      this.#keys.push(...sequence.keys.slice(from, to))
      onProgress?.(to - start, end - start)
    }
    return logits
  }

  /** Runs further positions in one chunk; logits for each row in `wanted`. */
  async extend(keys: readonly PositionKey[], embeds: Float32Array, wanted: readonly number[]): Promise<Float32Array[]> {
    const logits = await this.#decoder.run(embeds, wanted)
    this.#keys.push(...keys)
    return logits
  }

  /**
   * Runs one further position of each branch in one chunk. Until `keep`, the positions from `shared` on are a tree and no
   * prefix of anything.
   * @param embeds  [branches, hiddenSize]
   * @returns logits [vocabSize] of each; its row in the cache is the length before plus its index
   */
  async branch(shared: number, branches: readonly Branch[], embeds: Float32Array): Promise<Float32Array[]> {
    const seen = branches.map(({ rows }) => rows)
    const positions = branches.map(({ position }) => position)
    const bias = treeBias(this.#decoder.length, shared, seen)
    const logits = await this.#decoder.run(embeds, [...branches.keys()], { positions, bias })
    this.#keys.push(...branches.map(({ key }) => key))
    return logits
  }

  /** Of the positions from `shared` on, leaves only `rows`: those of one branch, which then follow one another. */
  keep(shared: number, rows: readonly number[]): void {
    this.#decoder.keep(shared, rows)
    const kept = rows.flatMap((row) => this.#keys[row] ?? [])
    this.#keys = [...this.#keys.slice(0, shared), ...kept]
  }

  /** Copies of the keys and values of the first `length` positions. Errors: device-lost */
  save(length: number): Promise<readonly Uint8Array<ArrayBuffer>[]> {
    return this.#decoder.save(length)
  }

  /** Holds what `save` gave when the positions were those of `keys`, and nothing else. Throws RangeError: it does not fit. */
  restore(keys: readonly PositionKey[], tensors: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#decoder.restore(tensors, keys.length)
    this.#keys = [...keys]
  }

  truncate(length: number): void {
    this.#decoder.truncate(length)
    this.#keys.length = length
  }
}
