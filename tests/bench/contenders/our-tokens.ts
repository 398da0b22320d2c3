/** The app's decoder, one token at a time, after prompts of given length. */
import type { Stage } from '../visit'
import { greedy, open, type Surface } from './ours'

declare const valley: Surface

/** Tokens of an answer, the first of which is not timed; fewer than `least` time nothing. */
const [answerTokens, least] = [16, 4]
const sentence = 'The keeper climbs the narrow stairs and looks at the dark sea.'
const task = 'Tell the story of what happens next, step by step.'

/**
 * Milliseconds of a token after the first, where an answer of 16 tokens would end at each of `positions`.
 * Throws an Error where an answer is too short to time.
 */
export function tokenTimes(stage: Stage, positions: readonly number[]): Promise<number[]> {
  return open(stage, (page) =>
    page.evaluate(
      async ({ positions, options, answerTokens, least, sentence, task }) => {
        const ask = (sentences: number, maxNewTokens: number) => {
          const question = [...Array.from({ length: sentences }, () => sentence), task].join(' ')
          return valley.ask({ clipId: null, turns: [], question, options: { ...options, maxNewTokens } })
        }
        const length = async (sentences: number) => (await ask(sentences, 1)).stats.promptTokens
        const [bare, withTwo] = [await length(0), await length(2)]
        const times: number[] = []
        for (const end of positions) {
          const sentences = Math.floor((end - answerTokens - bare) / ((withTwo - bare) / 2))
          const { stats } = await ask(Math.max(0, sentences), answerTokens)
          if (stats.newTokens < least) throw new Error(`an answer of ${stats.newTokens} tokens at ${end} positions`)
          times.push(1000 / stats.tokensPerSecond)
        }
        return times
      },
      { positions, options: greedy, answerTokens, least, sentence, task },
    ),
  )
}
