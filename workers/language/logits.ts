/** The logits of some positions, wherever they lie: what a choice asks of them. */
import { type Continuation, likeliest, type Random, type SamplingOptions, sampleToken } from './sampling'

/** One row [vocabSize] a position. They are there until the choice that they were given to is made. */
export type LogitRows = {
  /** The token after the first row; see `sampleToken`. */
  sample(said: readonly number[], options: SamplingOptions, random: Random): Promise<number>
  /** For each row and what was said before it: see `likeliest`. */
  likeliest(said: readonly (readonly number[])[], penalty: number, count: number): Promise<Continuation[][]>
  /** Copies of the rows: all that a GPU holds of them is read back. */
  all(): Promise<Float32Array[]>
}

/** What is made of the logits of a run. */
export type Choice<T> = (rows: LogitRows) => Promise<T>

/** Runs a prompt and makes a choice of its last position's logits. */
export type Begin = <T>(choice: Choice<T>) => Promise<T>

/** Rows in JS memory; choosing applies the penalty to them. */
export function hostRows(rows: readonly Float32Array[]): LogitRows {
  const empty = new Float32Array(0)
  return {
    sample: async (said, options, random) => sampleToken(rows[0] ?? empty, said, options, random),
    likeliest: async (said, penalty, count) =>
      rows.map((row, index) => likeliest(row, said[index] ?? [], penalty, count)),
    all: async () => [...rows],
  }
}
