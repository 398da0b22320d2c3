/** Captioning: the pack's describing question about every item, held against the human captions. */
import type { Item } from '../data/items'
import { generationOptions, type Run, type Values, walk } from '../run'
import { captionFigures } from '../scoring/captions'

type Caption = {
  readonly id: string
  readonly answer: string
  readonly frames: number
  readonly ids?: readonly number[]
  readonly quotes?: readonly string[]
  /** The app refused the item; its answer then counts as empty. */
  readonly error?: string
}

/** @throws Error where an item has no captions */
export async function evaluateCaptions(run: Run, items: readonly Item[]): Promise<Values> {
  const bare = items.find(({ captions }) => captions.length === 0)
  if (bare) throw new Error(`${bare.id} has no captions to be held against`)
  const { describeImage, describeVideo } = run.manifest.prompt
  const options = generationOptions(run)
  const predictions = run.predictions<Caption>()
  const todo = items.filter(({ id }) => !predictions.get(id))
  await walk(run, 'captions', todo, async (app, { id, isPhoto }, encoded) => {
    if ('error' in encoded) return predictions.add({ id, answer: '', frames: 0, error: encoded.error })
    const { text, ids, quotes } = await app.ask(id, isPhoto ? describeImage : describeVideo, options)
    predictions.add({
      id,
      answer: text,
      frames: encoded.clip.timestamps.length,
      ids,
      ...(quotes.length > 0 ? { quotes } : {}),
    })
  })
  const answered = items.map(({ id, captions }) => ({ ...predictions.get(id), references: captions }))
  const failed = answered.filter(({ error }) => error !== undefined).length
  const figures = captionFigures(answered.map(({ answer = '', references }) => ({ answer, references })))
  return { ...figures, failed }
}
