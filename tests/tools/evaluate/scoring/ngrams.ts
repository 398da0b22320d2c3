/** An answer and the human captions it is held against, as tokens. */
export type Scored = { readonly answer: readonly string[]; readonly references: readonly (readonly string[])[] }

export const longestNgram = 4

/** How often each n-gram of 1 to 4 tokens occurs, by length (index n - 1). Tokens hold no blanks, so a blank joins them. */
export function countNgrams(tokens: readonly string[]): Map<string, number>[] {
  return Array.from({ length: longestNgram }, (_, at) => {
    const counts = new Map<string, number>()
    for (let from = 0; from + at < tokens.length; from++) {
      const ngram = tokens.slice(from, from + at + 1).join(' ')
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1)
    }
    return counts
  })
}
