/**
 * Beam search on the one KV cache. The prompt's rows are shared; the beams' own rows follow in the order in which they
 * were run, as a tree: a step is one decoder call with one row a beam, whose mask shows it the prompt, its own ancestors
 * and itself, at its own position. At the end the winner's rows are moved together, and the next turn reuses them.
 */
import { throwIfAborted } from '../protocol'
import { macrotask } from '../runtime/macrotask'
import { type BeamOptions, BeamSearch, type Hypothesis, tokensOf } from './beam-search'
import type { Context } from './context'
import type { TokenRows } from './embedding'
import type { Begin, Choice } from './logits'
import type { Continuation } from './sampling'

export type BeamWriter = {
  /** A token in which all that can still win agree: it stays. */
  readonly say: (id: number) => void
  /** How the likeliest hypothesis goes on after what was said. */
  readonly draft: (ids: readonly number[]) => void
}

/**
 * Continues the prompt. Afterwards, and after an abort, the cache holds the prompt and the winner's tokens.
 * @param begin  runs the prompt
 * @returns `end` where the winner closed its message, `length` where the limit cut it
 * Errors: aborted (within one step), device-lost
 */
export async function decodeBeams(
  { context, embedding }: { readonly context: Context; readonly embedding: TokenRows },
  begin: Begin,
  options: BeamOptions & { readonly repetitionPenalty: number },
  { say, draft }: BeamWriter,
  signal: AbortSignal,
): Promise<'end' | 'length'> {
  const search = new BeamSearch(options)
  const choice: Choice<Continuation[][]> = (rows) =>
    rows.likeliest(search.live.map(tokensOf), options.repetitionPenalty, options.beams)
  let next = await begin(choice)
  const shared = context.keys.length
  const cached = new Map<Hypothesis, number>()
  let said = 0
  try {
    for (;;) {
      search.step(next)
      const { agreed, winner } = search
      for (const id of agreed.slice(said)) say(id)
      said = agreed.length
      if (!search.done) draft(tokensOf(winner.hypothesis).slice(said))
      await macrotask()
      throwIfAborted(signal)
      if (search.done) return winner.finished ? 'end' : 'length'
      const { live } = search
      const length = context.keys.length
      const branches = live.map((beam) => ({
        key: beam.id,
        position: shared + beam.length - 1,
        rows: rowsOf(beam, cached),
      }))
      next = await context.branch(shared, branches, await embedding.rows(live.map(({ id }) => id)), choice)
      for (const [index, beam] of live.entries()) cached.set(beam, length + index)
    }
  } finally {
    context.keep(shared, rowsOf(search.winner.hypothesis, cached))
  }
}

/** Cache rows of the hypothesis's tokens, first to last; its newest token may not have been run. */
function rowsOf(hypothesis: Hypothesis, cached: ReadonlyMap<Hypothesis, number>): number[] {
  const rows: number[] = []
  for (let at: Hypothesis | null = hypothesis; at; at = at.parent) {
    const row = cached.get(at)
    if (row !== undefined) rows.push(row)
  }
  return rows.reverse()
}
