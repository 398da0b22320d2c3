/**
 * Grounding: does the model find a clip's own one-line note likelier than the other clips' notes? score(d, clip) = mean over
 * d's tokens of log p(d | clip), minus the same note's mean over the other clips.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../data/items'
import type { MediaFolder } from '../data/media'
import { type Run, type Values, walk } from '../run'

export type Noted = { readonly id: string; readonly note: string; readonly source: Source }

type Likelihoods = { readonly id: string; readonly logP: readonly number[]; readonly error?: string }

/** The rows of INDEX.tsv, columns `file` and `note`. @throws Error where it or a file is missing */
export function loadNotes(media: MediaFolder): Noted[] {
  const path = join(media.path, 'INDEX.tsv')
  if (!existsSync(path)) throw new Error(`${media.path} has no INDEX.tsv with the columns "file" and "note"`)
  const [head = '', ...lines] = readFileSync(path, 'utf8').trimEnd().split('\n')
  const columns = head.split('\t').map((name) => name.trim())
  const [file, note] = [columns.indexOf('file'), columns.indexOf('note')]
  if (file === -1 || note === -1) throw new Error(`${path} lacks the column "file" or "note"`)
  return lines.map((line) => {
    const cells = line.split('\t')
    const id = cells[file] ?? ''
    const found = media.find(id)
    if (!found) throw new Error(`${media.path} has no file ${id}`)
    return { id, note: (cells[note] ?? '').trim(), source: { kind: 'file', file: found } }
  })
}

/** Clips that the app refuses are left out and counted; their notes stay among those to choose from no more than they do. */
export async function evaluateNotes(run: Run, clips: readonly Noted[]): Promise<Values> {
  const notes = clips.map(({ note }) => note)
  const predictions = run.predictions<Likelihoods>('predictions', { clips: clips.length })
  const todo = clips.filter(({ id }) => !predictions.get(id))
  await walk(run, 'clips', todo, async (app, { id }, encoded) => {
    if ('error' in encoded) return predictions.add({ id, logP: [], error: encoded.error })
    predictions.add({ id, logP: await app.score(id, run.manifest.prompt.describeVideo, notes, run.settings.quotes) })
  })
  const opened = clips.flatMap(({ id }, at) => (predictions.get(id)?.error === undefined ? [at] : []))
  const logP = opened.map((at) => opened.map((note) => predictions.get(clips[at]?.id ?? '')?.logP[note] ?? 0))
  const ranks = ranksOfOwn(logP)
  const mean = ranks.reduce((sum, rank) => sum + rank, 0) / ranks.length
  return {
    own_note_top1: ranks.filter((rank) => rank === 1).length / ranks.length,
    own_note_mean_rank: mean,
    items: ranks.length,
    failed: clips.length - opened.length,
  }
}

/** Rank (from 1) of each clip's own note; [clip][note], a clip's own on the diagonal. */
export function ranksOfOwn(logP: readonly (readonly number[])[]): number[] {
  const sums = logP.map((_, note) => logP.reduce((sum, row) => sum + (row[note] ?? 0), 0))
  return logP.map((row, own) => {
    const scores = row.map((value, note) => value - ((sums[note] ?? 0) - value) / (logP.length - 1))
    return 1 + scores.filter((score) => score > (scores[own] ?? 0)).length
  })
}
