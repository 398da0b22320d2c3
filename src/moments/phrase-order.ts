/**
 * Which of two phrases of a question is seen first, by the pack's CLIP, and how the prompt says so. Training does the same
 * (training/phrase_order.py); tests/fixtures/phrase-order.json holds both to it.
 *
 * "Which comes first, a dog running or a man on a bike?" names two things to look for. Each is looked for in every frame, and
 * what was found is told behind the question: "First: A dog running." The frame tokens hold the same order, but a small decoder
 * hardly learns to read it there (docs/training.md).
 */
import { asksWhen, orderWords } from './asks-when'
import { similarities } from './evidence'

export type Phrases = readonly [string, string]

/** The cosine by which a frame counts e times as much for where a phrase is seen. Chosen on train questions. */
const sharpness = 0.05

const tells = '(?:comes?|came|happens?|happened|appears?|appeared|is|are|was|were)'
const tail = new RegExp(
  `,?\\s(?:(?:that|which|who)\\s)?(?:${tells}\\s)?(?:shown\\s|seen\\s|done\\s)?(?:first|last|earlier|later|at the (?:start|beginning|end)(?: of (?:it|the \\w+))?)$`,
  'i',
)
const leadVerb =
  /^(?:do|does|did|is|are|was|were|can|could|will)\s(?:(?:we|you|i|it|there|(?:the|this)\s(?:video|clip|film|camera))\s)?(?:(?:see|show|hear|have)\s)?(?:first\s)?/i
const leads = [
  new RegExp(`^[^,]*${orderWords}[^,]*,\\s`, 'i'),
  /^.*\b(?:start|begin|open|end|close|finish)(?:s|ed)?\s(?:with|on)\s/i,
  leadVerb,
]
const oneThenOther =
  /\b(?:first,?|(?:start|begin|open)s?\swith)\s(.+?),?\s(?:(?:and\s)?then|and\sgo(?:es)?\son\swith)\s(.+)$/i
const askingWord = /^(?:what|who|which|where|when|why|how)\b/i
const oneBeforeOther = /^(.*?)\s(?:before or after|before|after)\s(.*)$/i

/** The two things whose order a question asks for: "X or Y", "X before Y", "first X, then Y"; null where it asks nothing of the kind. */
export function phrasesOf(question: string): Phrases | null {
  const text = oneLine(question).replace(/[?.! ]+$/, '')
  if (!asksWhen(text)) return null
  const [one, other] = (either(text) ?? beforeOther(text) ?? []).map((phrase) =>
    phrase.replace(/^[ ,.:;]+|[ ,.:;]+$/g, ''),
  )
  if (!one || !other || one.toLowerCase() === other.toLowerCase()) return null
  return [one, other]
}

function either(text: string): Phrases | null {
  if (/\bbefore or after\b/i.test(text)) return null
  const between = text.includes(', or ') ? ', or ' : ' or '
  const at = text.lastIndexOf(between)
  return at < 0 ? null : [withoutLead(text.slice(0, at)), text.slice(at + between.length).replace(tail, '')]
}

function withoutLead(text: string): string {
  if (text.includes(':')) return text.slice(text.lastIndexOf(':') + 1)
  const lead = leads.map((pattern) => pattern.exec(text)).find((match) => match !== null)
  return text.slice(lead?.[0].length ?? 0)
}

function beforeOther(text: string): Phrases | null {
  const then = oneThenOther.exec(text)
  if (then) return [then[1] as string, then[2] as string]
  const lead = leadVerb.exec(text)
  // "What happens after X?" names one thing alone.
  const parts = lead && oneBeforeOther.exec(text.slice(lead[0].length))
  return parts && !askingWord.test(parts[1] as string) ? [parts[1] as string, parts[2] as string] : null
}

/**
 * The phrases in the order in which frames show them: each at the mean place of the frames, weighted by the softmax of its
 * similarities. null where the frames tell no difference.
 * @param texts  [2, size], each of length 1
 * @param frames  [T] of [size], of any length, in time order
 */
export function inTime(phrases: Phrases, texts: Float32Array, frames: readonly Float32Array[]): Phrases | null {
  if (frames.length < 2) return null
  const [one = 0, other = 0] = similarities(texts, frames).map((row) => {
    const best = Math.max(...row)
    const weights = row.map((similarity) => Math.exp((similarity - best) / sharpness))
    const sum = weights.reduce((total, weight) => total + weight, 0)
    return weights.reduce((total, weight, at) => total + weight * at, 0) / sum
  })
  if (Math.abs(one - other) < 1e-6) return null
  return one < other ? phrases : [phrases[1], phrases[0]]
}

const asksFirst = /\b(?:first|earlier|start(?:s|ed)?|beg[ia]ns?|beginning)\b/i
const asksLast = /\b(?:last|later|end(?:s|ed)?)\b/i

/** "First: A dog running." where the question asks for that end alone, else "First: A dog running. Last: A man on a bike." */
export function told(question: string, order: Phrases): string {
  const [first, last] = order.map((phrase) => `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}.`)
  const asked = order.reduce((text, phrase) => text.replace(phrase, ''), oneLine(question))
  const ends = [asksFirst.test(asked), asksLast.test(asked)]
  if (ends[0] === ends[1]) return `First: ${first} Last: ${last}`
  return ends[0] ? `First: ${first}` : `Last: ${last}`
}

const oneLine = (text: string) => text.trim().replace(/\s+/g, ' ')
