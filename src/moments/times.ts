/** Moments named in text, as people and models write them: 0:07, 12:30, 1:02:03, 0:07.5. */

/** A stretch of text; `seconds` where it names a moment. */
export type TextPart = { readonly text: string; readonly seconds: number | null }

const pattern = /(?<![\d:.])(?:(\d{1,2}):(?=\d{1,2}:))?(\d{1,3}):([0-5]\d)(\.\d)?(?![\d:]|\s?[ap]\.?m\b)/gi

/**
 * Cuts a text at the moments it names. What lies beyond the clip is no moment of it (a time of day, a score).
 * @param duration  seconds
 * @param open  the text still grows: a time at its very end may become another one and is left as text
 */
export function splitTimes(text: string, duration: number, open = false): TextPart[] {
  const parts: TextPart[] = []
  let from = 0
  for (const match of text.matchAll(pattern)) {
    const [whole, hours = '0', minutes = '0', seconds = '0', fraction = ''] = match
    const end = match.index + whole.length
    const named = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds + fraction)
    // Rounded up, the end of a clip may be named just beyond it.
    if (named >= duration + 1 || (open && end === text.length)) continue
    if (match.index > from) parts.push({ text: text.slice(from, match.index), seconds: null })
    parts.push({ text: whole, seconds: Math.min(named, duration) })
    from = end
  }
  if (from < text.length) parts.push({ text: text.slice(from), seconds: null })
  return parts
}
