/**
 * A text cut into its sentences, white space included: together they are the text again. While it grows (`live`) the
 * last one is left out, since it may not be over yet. `language` is a BCP 47 tag.
 */
export function sentencesOf(text: string, language: string, live: boolean): readonly string[] {
  const segments = new Intl.Segmenter(language, { granularity: 'sentence' }).segment(text)
  const sentences = Array.from(segments, ({ segment }) => segment)
  return live ? sentences.slice(0, -1) : sentences
}
