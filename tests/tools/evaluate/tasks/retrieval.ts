/** Retrieval with the pack's CLIP: which caption belongs to a photo or clip, and the other way round. */
import type { Item } from '../data/items'
import { Progress } from '../progress'
import { type Run, type Values, walk } from '../run'

type Vector = { readonly id: string; readonly vector: readonly number[]; readonly error?: string }

/** Of an item: the best rank of one of its captions. Of a caption: the rank of its item. */
type Ranked = { readonly id: string; readonly rank: number; readonly first: string }

const textBatch = 32

/**
 * R@1, R@5, R@10. A clip's vector is the normalised mean of its frames' vectors.
 * @throws Error where the pack has no CLIP, or an item no captions
 */
export async function evaluateRetrieval(run: Run, items: readonly Item[]): Promise<Values> {
  const { tower, textTower } = run.manifest
  if (tower.embeddingOutput === undefined || !textTower)
    throw new Error(`${run.manifest.id} has no CLIP to retrieve with`)
  const captions = items.flatMap(({ id, captions }) =>
    captions.map((text, at) => ({ id: `${id}#${at}`, owner: id, text })),
  )
  const vectors = run.predictions<Vector>('vectors')
  const known = (id: string) => vectors.get(id)?.vector ?? []

  await walk(
    run,
    'pictures',
    items.filter(({ id }) => !vectors.get(id)),
    async (_app, { id }, encoded) => {
      vectors.add(
        'error' in encoded
          ? { id, vector: [], error: encoded.error }
          : { id, vector: rounded(meanDirection(encoded.vectors)) },
      )
    },
  )
  const todo = captions.filter(({ id }) => !vectors.get(id))
  const progress = new Progress(Math.ceil(todo.length / textBatch), 'batches of captions')
  for (let from = 0; from < todo.length; from += textBatch) {
    const batch = todo.slice(from, from + textBatch)
    const embedded = await (await run.app()).embedTexts(batch.map(({ text }) => text))
    for (const [at, { id }] of batch.entries()) vectors.add({ id, vector: rounded(embedded[at] ?? []) })
    progress.step()
  }

  const pictures = items.map(({ id }) => ({ id, owner: id, vector: known(id) }))
  const texts = captions.map(({ id, owner }) => ({ id, owner, vector: known(id) }))
  const toText = pictures.map((picture) => rankOwn(picture, texts))
  const toPicture = texts.map((text) => rankOwn(text, pictures))
  const predictions = run.predictions<Ranked>()
  for (const row of [...toText, ...toPicture]) if (!predictions.get(row.id)) predictions.add(row)
  return {
    ...recall('i2t', toText),
    ...recall('t2i', toPicture),
    items: pictures.length,
    captions: texts.length,
    failed: pictures.filter(({ vector }) => vector.length === 0).length,
  }
}

type Placed = { readonly id: string; readonly owner: string; readonly vector: readonly number[] }

/** Rank (from 1) of the first candidate with the same owner; one without a vector comes last. Ties go to the earlier. */
export function rankOwn(query: Placed, candidates: readonly Placed[]): Ranked {
  let best = { at: -1, score: Number.NEGATIVE_INFINITY }
  const scores = candidates.map(({ vector }) => dot(query.vector, vector))
  let first = { id: '', score: Number.NEGATIVE_INFINITY }
  for (const [at, candidate] of candidates.entries()) {
    const score = scores[at] ?? Number.NEGATIVE_INFINITY
    if (score > first.score) first = { id: candidate.id, score }
    if (candidate.owner === query.owner && score > best.score) best = { at, score }
  }
  const before = scores.filter((score, at) => score > best.score || (score === best.score && at < best.at)).length
  return { id: query.id, rank: best.at === -1 ? candidates.length : before + 1, first: first.id }
}

function recall(name: string, ranked: readonly Ranked[]): Values {
  const within = (depth: number) => ranked.filter(({ rank }) => rank <= depth).length / ranked.length
  return { [`${name}_r1`]: within(1), [`${name}_r5`]: within(5), [`${name}_r10`]: within(10) }
}

const rounded = (vector: readonly number[]) => vector.map((value) => Number(value.toFixed(5)))

function dot(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || a.length !== b.length) return Number.NEGATIVE_INFINITY
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0)
  return sum
}

/** L2-normalised mean of vectors. */
export function meanDirection(vectors: readonly (readonly number[])[]): number[] {
  const sum = new Array<number>(vectors[0]?.length ?? 0).fill(0)
  for (const vector of vectors) for (const [at, value] of vector.entries()) sum[at] = (sum[at] ?? 0) + value
  const norm = Math.hypot(...sum) || 1
  return sum.map((value) => value / norm)
}
