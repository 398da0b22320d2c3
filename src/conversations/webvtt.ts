import type { Segment } from '../moments/segments'
import type { Conversation } from './model'

/** What is to be read from `start` to `end` (seconds). */
export type Cue = Segment

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

/** What was said of the parts of a clip, in order of time. */
export type TimedDescription = { readonly name: string; readonly cues: readonly Cue[] }

/** A clip's parts may have been described more than once: what was said twice stands once. Clips may share a name. */
export function timedDescriptions({ chat }: Conversation): TimedDescription[] {
  const found = new Map<string, { readonly name: string; readonly cues: Cue[] }>()
  for (const { clipId, clipName, segments } of chat.turns) {
    if (clipName === null || !segments || segments.length === 0) continue
    const key = clipId ?? clipName
    const { cues } = found.get(key) ?? { cues: [] }
    const fresh = segments.filter(({ start, text }) => !cues.some((cue) => cue.start === start && cue.text === text))
    found.set(key, { name: clipName, cues: [...cues, ...fresh].sort((a, b) => a.start - b.start) })
  }
  return [...found.values()]
}
