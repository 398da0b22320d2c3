/** What everyone is asked. */
import type { Turn } from '../../workers/protocol'

/** Ten questions about a clip, as one conversation. */
export const clipQuestions = [
  'What happens in this video?',
  'Where does it take place?',
  'What colours can you see?',
  'Is anybody in it?',
  'What moves?',
  'How does it begin?',
  'How does it end?',
  'Is it indoors or outdoors?',
  'What is the most important thing in it?',
  'Describe it in one sentence.',
] as const

/** Tokens of an answer in that conversation at most: ten of them must fit the context beside the clip. */
export const clipAnswerTokens = 16

/** A text of about 120 tokens, and room for an answer long enough to time. */
export const longQuestion = `A lighthouse keeper lives alone on a small island, far from the nearest harbour. Every evening she climbs \
the narrow stairs, cleans the glass of the lamp, fills the tank with oil and writes the weather of the day into a thick book. One night, \
in the middle of a storm, the lamp goes out and does not light again, however often she tries. Through the rain she hears the horn of a \
ship that is coming closer and closer to the rocks. She has a rope, a mirror, a box of matches and an old brass bell. Tell the story of \
what she does next, step by step, and explain why it works.`
export const longAnswerTokens = 64

export type Conversation = readonly Turn[]
