/** What is evaluated: the rows of a captions file, each with its photo, strip of frames or video. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Row, readRows } from './lines'
import type { Media, MediaFolder } from './media'

/** What the page encodes as one clip: a file as it is, or frames cut out of pictures. */
export type Source =
  | { readonly kind: 'file'; readonly file: Media }
  /** A picture of square frames side by side, in time order. */
  | { readonly kind: 'strip'; readonly file: Media }
  /** `at`: which square of a strip; null: the whole picture. */
  | { readonly kind: 'frames'; readonly frames: readonly { readonly file: Media; readonly at: number | null }[] }

export type Item = {
  readonly id: string
  readonly source: Source
  /** Photos are asked about as pictures, all else as videos. */
  readonly isPhoto: boolean
  readonly captions: readonly string[]
}

const captionFiles = ['captions.jsonl', 'captions.jsonl.xz']

/**
 * The items of one split ("all": of every), rows of one id joined, in the file's order.
 * @throws Error in a sentence: no captions file, no such split, a row whose media is missing
 */
export function loadItems(media: MediaFolder, split: string): Item[] {
  const { path } = media
  const file = captionFiles.map((name) => join(path, name)).find(existsSync)
  if (!file) throw new Error(`${path} holds neither ${captionFiles.join(' nor ')}`)
  const rows = readRows(file)
  const chosen = rows.filter((row) => inSplit(row, split))
  if (chosen.length === 0) {
    const known = [...new Set(rows.map(({ split }) => String(split)))].join(', ')
    throw new Error(`${file} has no rows of split "${split}"; it has: ${known}`)
  }
  const items = new Map<string, Item>()
  for (const row of chosen) {
    const id = idOf(row, file)
    const captions = [...(items.get(id)?.captions ?? []), ...captionsOf(row)]
    items.set(id, { ...(items.get(id) ?? locate(media, row, id)), captions })
  }
  return [...items.values()]
}

/** A row that names no split belongs to every one. */
export function inSplit(row: Row, split: string): boolean {
  return split === 'all' || row.split === undefined || row.split === split
}

export function idOf(row: Row, file: string): string {
  const id = row.id ?? row.image ?? row.video ?? row.file ?? row.clip
  if (typeof id === 'string' || typeof id === 'number') return String(id)
  throw new Error(`${file}: a row without "id": ${JSON.stringify(row).slice(0, 80)}`)
}

/** The row's photo, strip or video. */
export function locate(media: MediaFolder, row: Row, id: string): Pick<Item, 'id' | 'source' | 'isPhoto'> {
  const named = [row.file, row.image, row.video, row.clip].find((name) => typeof name === 'string')
  const file = (named === undefined ? undefined : media.find(named as string)) ?? media.find(id)
  if (!file) throw new Error(`${media.path} has no picture or video for "${id}"`)
  const isStrip = file.kind === 'picture' && (row.n_frames !== undefined || /^strips?\b/i.test(file.holder))
  return { id, source: { kind: isStrip ? 'strip' : 'file', file }, isPhoto: file.kind === 'picture' && !isStrip }
}

function captionsOf({ captions, caption }: Row): string[] {
  const found = Array.isArray(captions) ? captions : [captions ?? caption].flat()
  return found.filter((text): text is string => typeof text === 'string' && text.trim() !== '')
}
