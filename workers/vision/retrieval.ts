/** Captions of pictures like the clip: the pack's store in memory, and the rule that picks those to quote. */
import type { CaptionStoreEntry } from '../packs/schema'
import type { FileOptions, ReadFile } from '../packs/source'
import { ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { cutScenes, type Scene } from './scenes'

/** Caption vectors without their words. */
export type CaptionVectors = {
  /** [count, size], row-major; a factor common to all of them does not change a ranking. */
  readonly vectors: Int8Array
  readonly size: number
  /** [count]: the picture that each caption is of. */
  readonly pictures: readonly number[]
}

/** What a clip is searched by: the mean of its frames' vectors, each and the whole of length 1. [size] */
export function clipQuery(frames: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(frames[0]?.length ?? 0)
  for (const frame of frames) {
    const scale = 1 / (Math.hypot(...frame) || 1)
    for (let at = 0; at < mean.length; at++) mean[at] = (mean[at] as number) + scale * (frame[at] as number)
  }
  const length = Math.hypot(...mean) || 1
  return mean.map((value) => value / length)
}

/**
 * Lines of the `quotes` captions nearest to `query`, best first: by dot product, ties by the lower line, each picture once
 * and none of those `used`, to which it adds them. Fewer where the store has fewer pictures. Picking the best line of an unused picture again and again is the same as
 * walking down the whole ranking, and spares sorting it.
 */
export function nearestCaptions(
  query: Float64Array,
  store: CaptionVectors,
  quotes: number,
  used: Set<number> = new Set(),
): number[] {
  const { pictures } = store
  const scores = scoresOf(query, store)
  const taken: number[] = []
  while (taken.length < quotes) {
    let best = -1
    for (let line = 0; line < scores.length; line++) {
      if (best >= 0 && (scores[line] as number) <= (scores[best] as number)) continue
      if (!used.has(pictures[line] as number)) best = line
    }
    if (best < 0) break
    taken.push(best)
    used.add(pictures[best] as number)
  }
  return taken
}

/**
 * The dot product of `query` with each line. Four lines at a time: a sum waits for itself alone, and four are added up in the time
 * of one. Each is added up in its own order, so that it is the same to the bit wherever its line stands.
 */
function scoresOf(query: Float64Array, { vectors, size, pictures }: CaptionVectors): Float64Array {
  const scores = new Float64Array(pictures.length)
  const inFours = scores.length - (scores.length % 4)
  for (let line = 0; line < inFours; line += 4) {
    let a = 0
    let b = 0
    let c = 0
    let d = 0
    for (let column = 0, at = line * size; column < size; column++, at++) {
      const factor = query[column] as number
      a += factor * (vectors[at] as number)
      b += factor * (vectors[at + size] as number)
      c += factor * (vectors[at + 2 * size] as number)
      d += factor * (vectors[at + 3 * size] as number)
    }
    scores[line] = a
    scores[line + 1] = b
    scores[line + 2] = c
    scores[line + 3] = d
  }
  for (let line = inFours, at = line * size; line < scores.length; line++) {
    for (let column = 0; column < size; column++, at++) {
      scores[line] = (scores[line] as number) + (query[column] as number) * (vectors[at] as number)
    }
  }
  return scores
}

/** What goes before a quote that was found for one part of a clip: the model has learnt these words. */
const said = { first: 'First: ', between: 'Then: ', last: 'Last: ' } as const

/**
 * The nearest line of each of up to `quotes` parts of a clip of T >= 2 frames, in time order, with the word that says
 * where its part stands. No picture twice; the ends choose before what lies between them.
 */
export function captionsInTime(
  frames: readonly Float32Array[],
  store: CaptionVectors,
  quotes: number,
): { readonly word: string; readonly line: number }[] {
  const parts = cutScenes(
    frames.map((frame) => clipQuery([frame])),
    quotes,
  )
  const last = parts.length - 1
  const used = new Set<number>()
  const found: { at: number; word: string; line: number }[] = []
  for (const at of [0, last, ...[...parts.keys()].slice(1, -1)]) {
    const { start, end } = parts[at] as Scene
    const word = at === 0 ? said.first : at === last ? said.last : said.between
    for (const line of nearestCaptions(clipQuery(frames.slice(start, end)), store, 1, used)) {
      found.push({ at, word, line })
    }
  }
  return found.sort((one, other) => one.at - other.at)
}

/** The lines of a store's texts: picture and caption. Errors: pack-invalid, naming the first line that is not so. */
export function readCaptions(path: string, text: string, count: number): { pictures: number[]; captions: string[] } {
  const invalid = (problem: string) => new ValleyError('pack-invalid', { path, problems: [problem] })
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n')
  if (lines.length !== count) throw invalid(`${lines.length} captions, not ${count}`)
  const pictures: number[] = []
  const captions: string[] = []
  for (const [at, line] of lines.entries()) {
    const match = /^(\d+)\t(.+)$/.exec(line)
    if (!match) throw invalid(`line ${at + 1} is not a picture and its caption`)
    pictures.push(Number(match[1]))
    captions.push(match[2] as string)
  }
  return { pictures, captions }
}

/** V8 optimises in a later call what it found to be hot in the first. */
const warmUpSearches = 3

export class CaptionStore {
  private constructor(
    readonly vectors: CaptionVectors,
    readonly captions: readonly string[],
    readonly quoted: number,
    readonly by: CaptionStoreEntry['quoteBy'],
    readonly uncount: () => void,
  ) {}

  /** Reads the store's two files. Errors: as ReadFile, pack-invalid. */
  static async open(
    entry: CaptionStoreEntry,
    file: ReadFile,
    ledger: Ledger,
    onProgress?: FileOptions['onProgress'],
  ): Promise<CaptionStore> {
    const { texts, vectors, count, size, quotes, quoteBy } = entry
    const total = texts.bytes + vectors.bytes
    const words = await file(texts, { onProgress: (done) => onProgress?.(done, total) })
    const codes = await file(vectors, { onProgress: (done) => onProgress?.(texts.bytes + done, total) })
    const { pictures, captions } = readCaptions(texts.path, new TextDecoder().decode(words), count)
    const table = { vectors: new Int8Array(codes.buffer, codes.byteOffset, codes.byteLength), size, pictures }
    return new CaptionStore(table, captions, quotes, quoteBy, ledger.open('caption-store'))
  }

  /** What to quote for a clip whose frames have these CLIP vectors: best first, or in time order where the pack says so. */
  quotesFor(frames: readonly Float32Array[]): string[] {
    if (this.by === 'time' && frames.length > 1) {
      const told = captionsInTime(frames, this.vectors, this.quoted)
      return told.map(({ word, line }) => word + (this.captions[line] as string))
    }
    const lines = nearestCaptions(clipQuery(frames), this.vectors, this.quoted)
    return lines.map((line) => this.captions[line] as string)
  }

  /** Searches as a first clip's: the browser optimises them meanwhile. To be run as an encoder's steps (Encoder). */
  readonly idleWarmUp = Array.from({ length: warmUpSearches }, () => async () => {
    const frames = [1, -1, 1].map((value) => new Float32Array(this.vectors.size).fill(value))
    this.quotesFor(frames)
  })

  dispose(): void {
    this.uncount()
  }
}
