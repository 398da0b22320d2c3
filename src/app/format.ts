/** Numbers, times and codecs as people write them. Pure; the language is a BCP 47 tag. */

/** Position in a clip: m:ss, h:mm:ss from an hour on; tenths where `fine`. Seconds in. */
export function formatTime(seconds: number, fine = false): string {
  const tenths = Math.max(0, fine ? Math.floor(seconds * 10 + 1e-6) : Math.floor(seconds + 1e-6) * 10)
  const whole = Math.floor(tenths / 10)
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor(whole / 60) % 60
  const clock = hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`
  return fine ? `${clock}.${tenths % 10}` : clock
}

/** Whether whole seconds would give two of these timestamps the same name. */
export function needsTenths(timestamps: readonly number[]): boolean {
  return new Set(timestamps.map((t) => formatTime(t))).size < timestamps.length
}

/** Making one is what costs, not writing numbers by it. */
const formatters = new Map<string, Intl.NumberFormat>()

function numberFormat(language: string, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const name = `${language} ${JSON.stringify(options)}`
  const known = formatters.get(name) ?? new Intl.NumberFormat(language, options)
  formatters.set(name, known)
  return known
}

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const

/** Bytes in decimal units, as file managers and download bars show them. */
export function formatBytes(bytes: number, language: string): string {
  const power = Math.min(units.length - 1, bytes < 1000 ? 0 : Math.floor(Math.log10(bytes) / 3))
  return numberFormat(language, {
    style: 'unit',
    unit: units[power] ?? 'byte',
    // Short, it is "110 byte".
    unitDisplay: power === 0 ? 'long' : 'short',
    maximumFractionDigits: power >= 2 ? 1 : 0,
  }).format(bytes / 1000 ** power)
}

/** A share between 0 and 1 in whole percent, rounded down: 100 % only when done. */
export function formatPercent(share: number, language: string): string {
  const whole = Math.floor(Math.min(1, Math.max(0, share)) * 100 + 1e-9) / 100
  return numberFormat(language, { style: 'percent', maximumFractionDigits: 0 }).format(whole)
}

/** Milliseconds in, seconds out, with a unit. */
export function formatSeconds(milliseconds: number, language: string): string {
  const seconds = milliseconds / 1000
  return numberFormat(language, {
    style: 'unit',
    unit: 'second',
    unitDisplay: 'short',
    maximumFractionDigits: seconds < 10 ? 1 : 0,
  }).format(seconds)
}

/** A time to compare with others: milliseconds in, with a unit; seconds from one on. */
export function formatTiming(milliseconds: number, language: string): string {
  const seconds = milliseconds >= 1000
  return numberFormat(language, {
    style: 'unit',
    unit: seconds ? 'second' : 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: seconds ? 2 : 0,
  }).format(seconds ? milliseconds / 1000 : milliseconds)
}

export function formatNumber(value: number, language: string, digits = 0): string {
  return numberFormat(language, { maximumFractionDigits: digits }).format(value)
}

/** What stands between two sentences in a row: languages written without spaces have none. */
export const sentenceGap = (language: string): string => (/^(zh|ja)\b/.test(language) ? '' : ' ')

/** "a, b and c" */
export const formatList = (items: readonly string[], language: string): string =>
  new Intl.ListFormat(language).format(items)

/** Names of languages, by their tags, in one of them: "English and Chinese". */
export function formatLanguages(tags: readonly string[], language: string): string {
  const names = new Intl.DisplayNames([language], { type: 'language' })
  return formatList(
    tags.map((tag) => names.of(tag) ?? tag),
    language,
  )
}

const codecNames: readonly (readonly [RegExp, string])[] = [
  [/^(hvc1|hev1)\.2\b/i, '10-bit HEVC (H.265)'],
  [/^(hvc1|hev1|hevc|h265)/i, 'HEVC (H.265)'],
  [/^(avc1|avc3|avc|h264)/i, 'H.264'],
  [/^(vp09|vp9)/i, 'VP9'],
  [/^(vp08|vp8)/i, 'VP8'],
  [/^(av01|av1)/i, 'AV1'],
  [/^(mp4v\.20|mp4v|xvid|divx|v_mpeg4\/iso)/i, 'MPEG-4 Part 2'],
  [/^(ap4h|ap4x|apch|apcn|apcs|apco|prores)/i, 'ProRes'],
  [/^(mpeg2|mp2v|v_mpeg2|mpgv)/i, 'MPEG-2'],
  [/^(theora|v_theora)/i, 'Theora'],
  [/^(mjpg|mjpa|jpeg)/i, 'Motion JPEG'],
  [/^image\/jpeg$/i, 'JPEG'],
  [/^image\/png$/i, 'PNG'],
  [/^image\/webp$/i, 'WebP'],
  [/^image\/gif$/i, 'GIF'],
  [/^image\/avif$/i, 'AVIF'],
  [/^image\/bmp$/i, 'BMP'],
]

/** A codec string (RFC 6381, fourcc or Matroska id) by its common name; the string itself where we know none. */
export function codecName(codec: string): string {
  return codecNames.find(([pattern]) => pattern.test(codec))?.[1] ?? codec
}
