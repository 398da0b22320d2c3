/**
 * A conversation about a clip as a hub's checkpoint reads it: through its own chat template, the clip's place written out
 * with as many image tokens as there are rows for it. What stands around them is each family's own.
 */
import type { HubFamily } from '../../packs/hub/config'
import type { HubPooling } from '../../packs/hub/tokens'
import type { Turn } from '../../protocol'
import { plainWords } from '../prompt'
import { type PositionKey, type Sequence, sequenceOf } from '../splice'
import type { HubEmbedding } from './embedding'
import type { HubMessage, HubTokenizer } from './tokenizer'

/** What the prompt must know of a clip. */
export type HubClip = {
  /** Unique to these rows: a clip encoded anew gets another. */
  readonly name: string
  /** When each frame is seen, in seconds from the clip's start; one frame is a picture. */
  readonly times: readonly number[]
  readonly pooling: HubPooling
  /** [tokens, hiddenSize]: the rows that stand for the clip, in the order of the image tokens. */
  readonly rows: Float32Array
  readonly tokens: number
}

export type HubConversation = {
  readonly turns: readonly Turn[]
  readonly question: string
  /** null: about nothing that is seen. */
  readonly clip: HubClip | null
}

type Style = {
  /** The text of one picture of `count` image tokens, as the family's processor writes it. */
  readonly picture: (tokens: string) => string
  /** The text of a clip in the family's own way, by the frames' image tokens and times. */
  readonly clip: (frames: readonly string[], times: readonly number[]) => string
  /** How the template is told of a clip: as a clip, as a picture a frame, or not at all (the text stands in the message). */
  readonly clipPart: 'video' | 'image' | 'text'
  /** Messages are text alone, the picture's token in it. */
  readonly plain?: boolean
}

const joined = (frames: readonly string[]) => frames.join('')
const smolPicture = (tokens: string) => `<fake_token_around_image><global-img>${tokens}<fake_token_around_image>`
const lfmPicture = (tokens: string) => `<|image_start|>${tokens}<|image_end|>`

/** As transformers' processors write them: SmolVLMProcessor, LlavaOnevisionProcessor, LlavaProcessor, Lfm2VlProcessor. */
const styles: Readonly<Record<HubFamily, Style>> = {
  smolvlm: { picture: smolPicture, clip: smolClip, clipPart: 'text' },
  'llava-onevision': { picture: (tokens) => tokens, clip: joined, clipPart: 'video' },
  llava: { picture: (tokens) => tokens, clip: joined, clipPart: 'image' },
  'lfm2-vl': { picture: lfmPicture, clip: (frames) => frames.map(lfmPicture).join(''), clipPart: 'image' },
  fastvlm: { picture: (tokens) => tokens, clip: joined, clipPart: 'image', plain: true },
}

/** SmolVLM2's own words for a clip: how many frames, how long, and each with the time that it is from. */
function smolClip(frames: readonly string[], times: readonly number[]): string {
  const whole = times.map((time) => Math.floor(time))
  const long = whole.at(-1) ?? 0
  const two = (value: number) => String(value).padStart(2, '0')
  const duration = `${Math.floor(long / 3600)}:${two(Math.floor(long / 60) % 60)}:${two(long % 60)}`
  const intro = `You are provided the following series of ${inWords(frames.length)} frames from a ${duration} [H:MM:SS] video.\n`
  const each = frames.map((tokens, at) => {
    const second = whole[at] ?? 0
    return `\nFrame from ${two(Math.floor(second / 60))}:${two(second % 60)}:${smolPicture(tokens)}`
  })
  return `${intro}${each.join('')}\n\n`
}

const small =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = ['', '', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety']

/** A number below 100 as num2words writes it, which SmolVLM's processor uses. */
function inWords(value: number): string {
  const rest = value % 10
  return small[value] ?? `${tens[Math.floor(value / 10)]}${rest === 0 ? '' : `-${small[rest]}`}`
}

/** Marks the clip's place while the template is rendered; private-use, and taken out of people's words. */
const mark = '\u{f8ff}clip\u{f8ff}'

/** The whole text, every image token written out. */
export function hubText(family: HubFamily, tokenizer: HubTokenizer, conversation: HubConversation): string {
  const { turns, question, clip } = conversation
  const style = styles[family]
  const people = [...turns.flatMap(({ question: asked, answer }) => [asked, answer]), question]
  const part = clip && clipPart(style, clip)
  const messages = people.map((words, index): HubMessage => {
    const text = plainWords(words, tokenizer)
    const role = index % 2 === 0 ? 'user' : 'assistant'
    const shown = index === 0 ? part : null
    if (style.plain) return { role, content: shown ? `${mark}${text}` : text }
    if (shown === 'text') return { role, content: [{ type: 'text', text: `${mark}${text}` }] }
    return { role, content: [...(shown ? [{ type: shown }] : []), { type: 'text', text }] }
  })
  const text = tokenizer.render(messages)
  if (!clip || !part) return text
  const place = style.plain || part === 'text' ? mark : part === 'video' ? videoToken(tokenizer) : tokenizer.imageToken
  const at = text.indexOf(place)
  if (at < 0) throw new RangeError('the chat template leaves the clip out')
  return text.slice(0, at) + clipText(style, clip, tokenizer.imageToken) + text.slice(at + place.length)
}

/** LLaVA-OneVision's template names a clip by another token than a picture. */
const videoToken = ({ specialTokens, imageToken }: HubTokenizer) =>
  specialTokens.includes('<video>') ? '<video>' : imageToken

/** A picture, or a clip that was pooled to the tokens of one, is told of as a picture. */
const isPicture = ({ times, pooling }: HubClip) => times.length === 1 || pooling !== 'own'

const clipPart = ({ clipPart }: Style, clip: HubClip) => (isPicture(clip) ? 'image' : clipPart)

function clipText(style: Style, clip: HubClip, imageToken: string): string {
  const { tokens, times } = clip
  if (isPicture(clip)) return style.picture(imageToken.repeat(tokens))
  return style.clip(
    times.map(() => imageToken.repeat(tokens / times.length)),
    times,
  )
}

/**
 * The conversation as keys and embeddings. `embedding` then holds the rows of its tokens.
 * Throws RangeError where there are not as many rows as image tokens.
 */
export async function hubSequence(
  text: string,
  tokenizer: HubTokenizer,
  imageTokenId: number,
  clip: HubClip | null,
  embedding: HubEmbedding,
): Promise<Sequence> {
  const ids = tokenizer.encode(text)
  const width = embedding.hiddenSize
  let seen = 0
  const keys = ids.map((id): PositionKey => (clip && id === imageTokenId ? `${clip.name}#${seen++}` : id))
  if (clip && (seen !== clip.tokens || seen * width !== clip.rows.length)) {
    throw new RangeError(`${seen} image tokens for ${clip.rows.length / width} rows`)
  }
  await embedding.load(keys.filter((key) => typeof key === 'number'))
  return sequenceOf(keys, embedding, (_, key) => {
    const index = clip ? Number(key.slice(clip.name.length + 1)) : 0
    return clip?.rows.subarray(index * width, (index + 1) * width)
  })
}
