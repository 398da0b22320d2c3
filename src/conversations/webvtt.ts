import type { ChatTurn } from '../chat/reducer'
import { splitTimes } from '../moments/times'
import type { Conversation } from './model'

/** A description of a part of a clip. `start` and `end` in seconds. */
export type Cue = { readonly start: number; readonly end: number; readonly text: string }

function timestamp(seconds: number): string {
  const ms = Math.max(0, Math.round(seconds * 1000))
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0')
  const rest = String(ms % 1000).padStart(3, '0')
  return `${two(ms / 3_600_000)}:${two((ms / 60_000) % 60)}:${two((ms / 1000) % 60)}.${rest}`
}

/** Without what WebVTT would read as markup, a timing line or the end of the cue. */
const cueText = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .join('\n')

/** Timed descriptions as a WebVTT file; a cue without length or text is left out. */
export function toWebVtt(cues: readonly Cue[]): string {
  const blocks = cues
    .filter(({ start, end, text }) => end > start && text.trim() !== '')
    .map(({ start, end, text }) => `${timestamp(start)} --> ${timestamp(end)}\n${cueText(text)}\n`)
  return ['WEBVTT\n', ...blocks].join('\n')
}

/** A line that begins with one or two times: `0:05 text`, `- **0:05–0:10**: text`, `[0:05] text`. */
const lead = /^[\s*_[(#>-]*$/
const between = /^\s*(?:[-–—]|to)\s*$/
const after = /^[\s*_\])]*[:.,;–—-]?[\s*_]*/

/**
 * Lines of an answer that tell what is seen when, as cues. A line without an end of its own lasts until the next, the
 * last until the clip's end.
 * @param duration  of the clip, seconds
 */
export function cuesIn(answer: string, duration: number): Cue[] {
  const lines = answer.split('\n').flatMap((line) => {
    const all = splitTimes(line, duration)
    const parts = all[0]?.seconds === null && lead.test(all[0].text) ? all.slice(1) : all
    const [start, separator, end] = parts
    if (!start || start.seconds === null) return []
    const ranged = separator && between.test(separator.text) && end && end.seconds !== null
    const words = parts.slice(ranged ? 3 : 1).map(({ text }) => text)
    const text = words.join('').replace(after, '').trim()
    return text === '' ? [] : [{ start: start.seconds, end: ranged ? end.seconds : null, text }]
  })
  return lines.map(({ start, end, text }, index) => ({ start, end: end ?? lines[index + 1]?.start ?? duration, text }))
}

/** The timed descriptions of each clip that has any, by the clip's name. */
export function timedDescriptions({ chat, clips }: Conversation): Map<string, Cue[]> {
  const found = new Map<string, Cue[]>()
  const add = ({ clipId, clipName, answer, segments }: ChatTurn) => {
    const duration = clips.clips[clipId ?? '']?.media?.duration
    const cues = segments ?? (duration ? cuesIn(answer, duration) : [])
    if (clipName !== null && cues.length > 0) found.set(clipName, [...(found.get(clipName) ?? []), ...cues])
  }
  for (const turn of chat.turns) add(turn)
  for (const cues of found.values()) cues.sort((a, b) => a.start - b.start)
  return found
}
