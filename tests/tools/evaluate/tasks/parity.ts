/**
 * The browser against PyTorch (`python -m training.evaluate --task parity`): greedy answers by the float32 graph must be the
 * same; the int8 graph, forced along the same answers, must mostly find the same tokens likeliest, and caption as well.
 */
import { existsSync } from 'node:fs'
import type { AppUnderTest, Encoded } from '../app-under-test'
import type { Item } from '../data/items'
import { readRows } from '../data/lines'
import { type Run, type Values, walk } from '../run'
import { captionFigures } from '../scoring/captions'

/** How training/evaluation/parity.py decodes. */
const greedy = { temperature: 0, beams: 1, repetitionPenalty: 1, maxNewTokens: 32 }
/** Tokens of an answer that are compared. */
const compared = 10

type Expected = {
  readonly ids: readonly number[]
  /** By how much the likeliest logit leads at each token, the end included. */
  readonly margins: readonly number[]
}
export type Reference = ReadonlyMap<string, Expected>
type Answer = {
  readonly id: string
  readonly answer: string
  readonly ids: readonly number[]
  readonly quotes?: readonly string[]
  readonly error?: string
}
type Forced = Answer & { readonly top: readonly number[]; readonly logP: readonly number[] }

/** The predictions file of the PyTorch half: token ids by item. @throws Error in a sentence where it is missing or no such file */
export function readReference(path: string | undefined): Reference {
  if (!path || !existsSync(path)) {
    throw new Error(
      `--reference must name the predictions of "python -m training.evaluate --task parity"; not so: ${path}`,
    )
  }
  const rows = readRows(path).filter(({ id, ids }) => typeof id === 'string' && Array.isArray(ids))
  if (rows.length === 0) throw new Error(`${path} holds no predictions with token ids`)
  return new Map(
    rows.map(({ id, ids, margins }) => [id as string, { ids: ids as number[], margins: (margins ?? []) as number[] }]),
  )
}

/**
 * @param open  starts the app with one decoder graph; the one before is closed
 * @throws Error where the reference lacks an item
 */
export async function evaluateParity(
  run: Run,
  items: readonly Item[],
  reference: Reference,
  open: (flavour: 'f32' | 'int8') => Promise<AppUnderTest>,
): Promise<Values> {
  const missing = items.find(({ id }) => !reference.has(id))
  if (missing) throw new Error(`the reference has no answer for ${missing.id}`)
  const { describeImage, describeVideo } = run.manifest.prompt
  const { quotes } = run.settings
  const ask = async (
    app: AppUnderTest,
    { id, isPhoto }: Item,
    encoded: Encoded | { error: string },
  ): Promise<Answer> => {
    if ('error' in encoded) return { id, answer: '', ids: [], error: encoded.error }
    const answer = await app.ask(id, isPhoto ? describeImage : describeVideo, { ...greedy, quotes })
    return { id, answer: answer.text, ids: answer.ids, quotes: answer.quotes }
  }

  const float = run.predictions<Answer>('f32')
  const floatTodo = items.filter(({ id }) => !float.get(id))
  await walk({ ...run, app: () => open('f32') }, 'float32 answers', floatTodo, async (app, item, encoded) =>
    float.add(await ask(app, item, encoded)),
  )
  const int8 = run.predictions<Forced>('int8')
  const int8Todo = items.filter(({ id }) => !int8.get(id))
  await walk({ ...run, app: () => open('int8') }, 'int8 answers', int8Todo, async (app, item, encoded) => {
    const answer = await ask(app, item, encoded)
    const ids = reference.get(item.id)?.ids ?? []
    const question = item.isPhoto ? describeImage : describeVideo
    const forced = 'error' in encoded ? [] : await app.force(item.id, question, ids, quotes)
    int8.add({ ...answer, top: forced.map(({ top }) => top), logP: forced.map(({ logP }) => Number(logP.toFixed(4))) })
  })

  const answers = items.map(({ id, captions }) => ({
    references: captions,
    expected: reference.get(id)?.ids ?? [],
    margins: reference.get(id)?.margins ?? [],
    float: float.get(id),
    int8: int8.get(id),
  }))
  const first = answers.map(({ expected, float }) => sameTokens(expected, float?.ids ?? []))
  const lost = first.flatMap(({ same, of }, at) => (same < of ? [answers[at]?.margins[same] ?? Number.NaN] : []))
  const forced = answers.flatMap(({ expected, int8 }) => expected.map((id, at) => int8?.top[at] === id))
  const score = (which: 'float' | 'int8') =>
    captionFigures(answers.map((row) => ({ answer: row[which]?.answer ?? '', references: row.references }))).cider
  const [ciderFloat, ciderInt8] = [score('float'), score('int8')]
  return {
    f32_first10_items: share(first, ({ same, of }) => same === of),
    f32_first10_tokens: first.reduce((sum, { same }) => sum + same, 0) / first.reduce((sum, { of }) => sum + of, 0),
    // How nearly a tie the reference's choice was where an answer first differs: what explains the difference, or does not.
    ...(lost.length > 0 && { f32_difference_margin_max: Math.max(...lost) }),
    int8_top1: share(forced, (same) => same),
    cider_f32: ciderFloat,
    cider_int8: ciderInt8,
    ...(ciderFloat > 0 && { cider_relative: ciderInt8 / ciderFloat - 1 }),
    items: items.length,
    failed: answers.filter(({ float, int8 }) => float?.error !== undefined || int8?.error !== undefined).length,
  }
}

/** Of the first tokens, the end of an answer counted as one: how many are the same before the first that is not. */
export function sameTokens(expected: readonly number[], given: readonly number[]): { same: number; of: number } {
  const end = -1
  const [wanted, got] = [[...expected, end].slice(0, compared), [...given, end].slice(0, compared)]
  const differs = wanted.findIndex((id, at) => id !== got[at])
  return { same: differs === -1 ? wanted.length : differs, of: wanted.length }
}

function share<T>(things: readonly T[], holds: (thing: T) => boolean): number {
  return things.filter(holds).length / things.length
}
