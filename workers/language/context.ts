/**
 * What the KV cache holds, by position: a prompt is compared with it, the common prefix is kept, and only the rest is
 * run, in chunks short enough that a stop is heard.
 */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { type ChunkLayout, type Decoder, treeBias } from './decoder'
import { type Choice, hostRows } from './logits'
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
  /** Absent where logits are in JS memory anyway. */
  readonly choose?: Decoder['choose']
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
    await this.#run(sequence, reused, end, null, options)
    return reused
  }

  /**
   * Makes the cache hold all of `sequence` and gives its last position's logits [vocabSize]. Where the cache covers all
   * of it, the last position is run again. Returns and errors else as `fill`.
   */
  async prefill(sequence: Sequence, options: PrefillOptions = {}): Promise<{ logits: Float32Array; reused: number }> {
    const { chosen, reused } = await this.prefillAndChoose(sequence, (rows) => rows.all(), options)
    return { logits: chosen[0] ?? new Float32Array(0), reused }
  }

  /** The same, with a choice made of the last position's logits. */
  async prefillAndChoose<T>(
    sequence: Sequence,
    choice: Choice<T>,
    options: PrefillOptions = {},
  ): Promise<{ chosen: T; reused: number }> {
    const end = sequence.keys.length
    const covered = reusablePrefix(this.#keys, sequence.keys)
    const reused = this.#keepable(covered < end ? covered : end > sinkTokens ? end - 1 : 0)
    return { chosen: (await this.#run(sequence, reused, end, choice, options)) as T, reused }
  }

  #keepable(length: number): number {
    return this.#decoder.reusable?.(length) ?? length
  }

  async #run<T>(
    sequence: Sequence,
    start: number,
    end: number,
    choice: Choice<T> | null,
    { boundaries = [], onProgress, signal }: PrefillOptions,
  ): Promise<T | undefined> {
    this.truncate(start)
    let chosen: T | undefined
    onProgress?.(0, end - start)
    for (const [from, to] of planChunks(start, end, boundaries)) {
      await macrotask()
      throwIfAborted(signal)
      const keys = sequence.keys.slice(from, to)
      const embeds = sequence.embed(from, to)
      if (choice && to === end) chosen = await this.#choose(keys, embeds, [to - from - 1], choice)
      else await this.extend(keys, embeds, [])
      onProgress?.(to - start, end - start)
    }
    return chosen
  }

  /** Runs further positions in one chunk; logits for each row in `wanted`. */
  async extend(keys: readonly PositionKey[], embeds: Float32Array, wanted: readonly number[]): Promise<Float32Array[]> {
    const logits = await this.#decoder.run(embeds, wanted)
    this.#keys.push(...keys)
    return logits
  }

  /** Runs one further position and makes a choice of its logits. */
  extendAndChoose<T>(key: PositionKey, embeds: Float32Array, choice: Choice<T>): Promise<T> {
    return this.#choose([key], embeds, [0], choice)
  }

  /**
   * Runs one further position of each branch in one chunk. Until `keep`, the positions from `shared` on are a tree and no
   * prefix of anything.
   * @param embeds  [branches, hiddenSize]
   * @param choice  gets a row of logits for each; its row in the cache is the length before plus its index
   */
  branch<T>(shared: number, branches: readonly Branch[], embeds: Float32Array, choice: Choice<T>): Promise<T> {
    const seen = branches.map(({ rows }) => rows)
    const positions = branches.map(({ position }) => position)
    const bias = treeBias(this.#decoder.length, shared, seen)
    const keys = branches.map(({ key }) => key)
    return this.#choose(keys, embeds, [...branches.keys()], choice, { positions, bias })
  }

  async #choose<T>(
    keys: readonly PositionKey[],
    embeds: Float32Array,
    wanted: readonly number[],
    choice: Choice<T>,
    layout?: ChunkLayout,
  ): Promise<T> {
    const decoder = this.#decoder
    const chosen = decoder.choose
      ? await decoder.choose(embeds, wanted, choice, layout)
      : await choice(hostRows(await decoder.run(embeds, wanted, layout)))
    this.#keys.push(...keys)
    return chosen
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

  /** Forgets the positions from `length` on, and with them those that the decoder cannot keep without. */
  truncate(length: number): void {
    const kept = this.#keepable(length)
    this.#decoder.truncate(kept)
    this.#keys.length = kept
  }
}
