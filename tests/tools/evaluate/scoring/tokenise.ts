/**
 * Tokens of a caption as pycocoevalcap counts them: Stanford's Penn Treebank tokeniser (3.4.1, lower case), then its list
 * of punctuation taken out. Not that tokeniser, only what captions need of it; the tests hold it to its results.
 */
const dropped = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';'])

/** Abbreviations that keep their full stop. */
const abbreviations =
  'mr|mrs|ms|dr|prof|sr|jr|st|mt|ft|vs|etc|inc|ltd|co|corp|gen|col|sgt|lt|capt|rev|hon|gov|sen|rep|reps|ave|blvd|rd|jan|feb|mar|apr|aug|sep|sept|oct|nov|dec'
const letter = String.raw`[\p{L}\p{M}]`
const part = String.raw`[\p{L}\p{M}\p{N}]`

/** What a token may be, in order: the first that matches at a place wins. */
const token = new RegExp(
  [
    String.raw`https?:\/\/[^\s"'<>()]+|www\.[^\s"'<>()]+[^\s"'<>().,;:!?]`,
    // U.S., a.m., person A.
    String.raw`(?:(?<!${part}['’]?)${letter}\.)+(?:${letter}(?!${part}))?`,
    String.raw`no\.(?=\s*\d)`,
    `o'clock|d'${letter}+|'n'(?=${letter}|\\s)`,
    String.raw`(?:${abbreviations})\.(?!\w)`,
    // 1,000.5   10:30   1/2
    String.raw`\d+(?:[.,:]\d+)+(?=${letter}|(?![\d/_-]))|\d+(?:[.,:]\d+)*(?:\/\d+)?(?!${part}|[-/_])`,
    // A word; hyphens, slashes, full stops and the like inside it are its own. Not the n of n't.
    `${part}+?(?=n't(?!${letter}))`,
    `n't(?!${letter})`,
    `${part}+(?:[-_/.@]${part}+)*`,
    `'(?:s|m|d|re|ve|ll)(?!${part})`,
    String.raw`\.{3,}|-{2,}|[?!]{2,}`,
    String.raw`&amp;|[^\s\u200b]`,
  ].join('|'),
  'giu',
)

/** Words that are two: where they are cut. */
const compounds: ReadonlyMap<string, number> = new Map([
  ['cannot', 3],
  ['gonna', 3],
  ['gotta', 3],
  ['wanna', 3],
  ['gimme', 3],
  ['lemme', 3],
])

/** How the Treebank writes what it escapes. */
const escapes: ReadonlyMap<string, string> = new Map([
  ['(', '-lrb-'],
  [')', '-rrb-'],
  ['[', '-lsb-'],
  [']', '-rsb-'],
  ['{', '-lcb-'],
  ['}', '-rcb-'],
  ['"', "''"],
  ['“', '``'],
  ['”', "''"],
  ['‘', '`'],
  ['’', "'"],
  ['---', '--'],
  ['–', '--'],
  ['—', '--'],
  ['…', '...'],
  ['&amp;', '&'],
])

/** The tokens that count, in order. */
export function tokenise(caption: string): string[] {
  const tokens: string[] = []
  for (const [match] of caption.replaceAll(/(?<=\p{L})[’](?=\p{L})/gu, "'").matchAll(token)) {
    const cut = compounds.get(match.toLowerCase())
    const words = cut ? [match.slice(0, cut), match.slice(cut)] : [match]
    for (const word of words) {
      const written = escapes.get(word) ?? word.toLowerCase()
      if (!dropped.has(written)) tokens.push(written)
    }
  }
  return tokens
}
