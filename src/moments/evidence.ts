/**
 * Which frames an answer speaks of, and whether it speaks of them at all: the answer's text and the sampled frames meet in
 * the pack's CLIP space. How the thresholds come about is told in docs/moments.md.
 */
import { ValleyError } from '../../workers/protocol'
import { unrelatedCaptions } from './unrelated'

/** `similarity`: cosine, -1 to 1. Frames in order of time, 1 to 4 of them. `unsure`: the answer hardly fits the frames better than chance. */
export type Evidence = {
  readonly frames: readonly { readonly timestamp: number; readonly similarity: number }[]
  readonly unsure: boolean
}

/** CLIP vectors of texts, [texts, size] row-major, of length 1. */
export type EmbedTexts = (texts: readonly string[], signal: AbortSignal) => Promise<Float32Array>

/** What of a clip is compared: the frames encoded so far, with their vectors. */
export type ComparedClip = {
  readonly frames: Readonly<Record<number, { readonly timestamp: number; readonly vector: Float32Array }>>
}

const mostFrames = 4
/** An answer is unsure unless it is nearer than unrelated captions are on average by this many of their standard deviations. */
const margin = 1
/** An answer of fewer words ("Yes.", "Two dogs.") says too little to be compared by itself. */
const fewestWords = 3
/** Words that name nothing which could be seen, or nothing that would tell one clip from another. */
const empty = new Set(
  'a an and are be can clip do does he her his i image in is it its of on one or photo picture she that the their there these they this those to video was we were with yes you'.split(
    ' ',
  ),
)

/** Says that something is not there: what it names is not to be seen, and how near that comes tells nothing. */
const negation = /\b(?:no|not|never|nobody|nothing|none|cannot)\b|n['’]t\b|[不没無无]/iu
/** What names fewer things ("It is outdoors.") fits many pictures a little and none well: right or wrong, it is not marked. */
const fewestNamed = 2

const wordsOf = (text: string): string[] =>
  [...new Intl.Segmenter('en', { granularity: 'word' }).segment(text)]
    .filter(({ isWordLike }) => isWordLike)
    .map(({ segment }) => segment.toLowerCase())

const named = (words: readonly string[]) => words.filter((word) => !empty.has(word))

/** Whether a text says anything that a picture could show. */
export function isComparable(text: string): boolean {
  const words = wordsOf(text)
  return words.length >= fewestWords && named(words).length > 0 && !negation.test(text)
}

/** Whether a text says enough for its nearness to tell right from wrong. */
export const isTelling = (text: string): boolean => named(wordsOf(text)).length >= fewestNamed

/**
 * Cosine similarities of texts to a clip's frames.
 * @param vectors  [texts, size], each of length 1
 * @param frames  [frames] of [size], of any length
 * @returns [texts][frames]
 */
export function similarities(vectors: Float32Array, frames: readonly Float32Array[]): number[][] {
  const size = frames[0]?.length ?? 0
  const lengths = frames.map((frame) => Math.hypot(...frame) || 1)
  return Array.from({ length: size === 0 ? 0 : vectors.length / size }, (_, text) =>
    frames.map((frame, index) => {
      let sum = 0
      for (let at = 0; at < size; at++) sum += (vectors[text * size + at] as number) * (frame[at] as number)
      return sum / (lengths[index] as number)
    }),
  )
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
}

/** The mean of values, and so many of their standard deviations more. */
export function above(values: readonly number[], deviations: number): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return mean + deviations * Math.sqrt(variance)
}

/**
 * Chooses the frames that an answer speaks of: the nearest, and those nearer to it than to what a caption reaches that has
 * nothing to do with the clip.
 * @param answer  similarity of the answer to each frame
 * @param unrelated  for each unrelated caption, its similarity to each frame
 */
export function chooseEvidence(
  timestamps: readonly number[],
  answer: readonly number[],
  unrelated: readonly (readonly number[])[],
): Evidence {
  const best = Math.max(...answer)
  const others = unrelated.map((row) => Math.max(...row))
  const enough = Math.min(best, (best + median(others)) / 2)
  const frames = timestamps
    .map((timestamp, index) => ({ timestamp, similarity: answer[index] as number }))
    .filter(({ similarity }) => similarity >= enough)
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, mostFrames)
    .sort((a, b) => a.timestamp - b.timestamp)
  return { frames, unsure: best <= above(others, margin) }
}

/**
 * The frames nearest to what an answer says. null where there is nothing to compare: a pack without a text tower, a clip
 * without frames, an answer that names nothing.
 * @throws ValleyError as `embedTexts`, but for no-text-tower
 */
export async function evidenceFor(
  embedTexts: EmbedTexts,
  clip: ComparedClip,
  answer: string,
  signal: AbortSignal,
): Promise<Evidence | null> {
  const frames = Object.values(clip.frames)
  if (frames.length === 0 || !isComparable(answer)) return null
  const vectors = await orNull(embedTexts([answer, ...unrelatedCaptions], signal))
  if (!vectors) return null
  const [own = [], ...unrelated] = similarities(
    vectors,
    frames.map(({ vector }) => vector),
  )
  const evidence = chooseEvidence(
    frames.map(({ timestamp }) => timestamp),
    own,
    unrelated,
  )
  return { ...evidence, unsure: evidence.unsure && isTelling(answer) }
}

/**
 * Index of the answer whose nearest frame is nearest, for choosing among several to one question; the first of equals.
 * null where the pack has no text tower or the clip no frames.
 * @throws ValleyError as `embedTexts`, but for no-text-tower
 */
export async function nearestAnswer(
  embedTexts: EmbedTexts,
  clip: ComparedClip,
  answers: readonly string[],
  signal: AbortSignal,
): Promise<number | null> {
  const frames = Object.values(clip.frames)
  if (frames.length === 0 || answers.length === 0) return null
  const vectors = await orNull(embedTexts(answers, signal))
  if (!vectors) return null
  const best = similarities(
    vectors,
    frames.map(({ vector }) => vector),
  ).map((row) => Math.max(...row))
  return best.indexOf(Math.max(...best))
}

/** Vectors of texts; null where the pack has no text tower. @throws ValleyError as they do else */
export async function orNull(vectors: Promise<Float32Array>): Promise<Float32Array | null> {
  return vectors.catch((thrown: unknown) => {
    if (thrown instanceof ValleyError && thrown.code === 'no-text-tower') return null
    throw thrown
  })
}
