/** A clip in parts, each looked at and asked about as a short clip of its own. */
import { type GenerationOptions, ValleyError } from '../../workers/protocol'
import { formatTime, needsTenths } from '../app/format'
import type { Engine } from '../assistant/engine'
import type { Clip } from '../clip/reducer'

/** What was said of a part of a clip. `start` and `end` in seconds. */
export type Segment = { readonly start: number; readonly end: number; readonly text: string }
export type Part = Pick<Segment, 'start' | 'end'>

/** Seconds: shorter parts hold too little to differ. */
const shortest = 3
const mostParts = 12
/** Frames that the model sees of a part. */
const framesPerPart = 4

/** Equal parts of a clip, in order; one where it is short. @param duration  seconds */
export function partsOf(duration: number): Part[] {
  const count = Math.min(mostParts, Math.max(1, Math.floor(duration / shortest)))
  const end = (index: number) => (duration * index) / count
  return Array.from({ length: count }, (_, index) => ({ start: end(index), end: end(index + 1) }))
}

/** The middles of equal stretches of a part, in seconds. */
export function momentsIn({ start, end }: Part, count: number): number[] {
  return Array.from({ length: count }, (_, index) => start + ((index + 0.5) / count) * (end - start))
}

/** Adds what was said of the next part; the same words again make the part before longer. */
export function withSegment(segments: readonly Segment[], next: Segment): Segment[] {
  const last = segments.at(-1)
  if (last?.text !== next.text) return [...segments, next]
  return [...segments.slice(0, -1), { ...last, end: next.end }]
}

/** The segments as a Markdown list, a line each. */
export function segmentsAsText(segments: readonly Segment[]): string {
  const fine = needsTenths(segments.map(({ start }) => start))
  const time = (seconds: number) => formatTime(seconds, fine)
  return segments.map(({ start, end, text }) => `- ${time(start)}–${time(end)}: ${text}`).join('\n')
}

/**
 * Asks a question of each part of a clip, in order of time; what a part's frames became is let go of at once.
 * @throws ValleyError as Engine.encode and Engine.ask; clip-unknown where the clip's file is not at hand
 */
export async function* askByParts(
  engine: Pick<Engine, 'encode' | 'ask' | 'forget'>,
  { id, file, name, media }: Clip,
  question: string,
  options: GenerationOptions,
  signal: AbortSignal,
): AsyncGenerator<Segment, void, undefined> {
  if (!file || !media) throw new ValleyError('clip-unknown', { clipId: id })
  for (const [index, part] of partsOf(media.duration).entries()) {
    const clipId = `${id}/part-${index}`
    try {
      const moments = momentsIn(part, framesPerPart)
      for await (const _ of engine.encode(file, { clipId, name, moments }, signal));
      let text = ''
      for await (const event of engine.ask({ clipId, turns: [], question, options, once: true }, signal)) {
        if (event.type === 'text') text += event.text
      }
      // One line: it stands in a list.
      const said = text.trim().replace(/\s+/g, ' ')
      if (said !== '') yield { ...part, text: said }
    } finally {
      engine.forget(clipId)
    }
  }
}
