/**
 * A repository's tokenizer and chat template, from the files that it keeps them in: the template in tokenizer_config.json,
 * in chat_template.jinja, or in chat_template.json.
 */
import { ValleyError } from '../../protocol'

/** What a message is made of. A picture or a clip is a place that the template marks with its token. */
export type HubPart = { readonly type: 'image' | 'video' } | { readonly type: 'text'; readonly text: string }
export type HubMessage = {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string | readonly HubPart[]
}

export type HubTokenizer = {
  /** Ids of text in which special tokens may stand; none are added. */
  readonly encode: (text: string) => number[]
  readonly decode: (ids: readonly number[]) => string
  /** The template's text, ready for the assistant to answer. */
  readonly render: (messages: readonly HubMessage[]) => string
  /** The token that closes a message. */
  readonly endId: number
  /** Longest first; a person's own words must not contain them. */
  readonly specialTokens: readonly string[]
  /** What stands in a text for one image token. */
  readonly imageToken: string
}

/** UTF-8 bytes of a repository's files by path; absent where it has none. */
export type HubTokenizerFiles = Readonly<Record<string, Uint8Array | undefined>>

/** Errors: hub-config {repository, path, problems} */
export async function openHubTokenizer(
  repository: string,
  files: HubTokenizerFiles,
  imageTokenId: number,
): Promise<HubTokenizer> {
  const { env, PreTrainedTokenizer } = await import('@huggingface/transformers')
  env.allowRemoteModels = false
  env.allowLocalModels = false
  const refuse = (path: string, problem: string): never => {
    throw new ValleyError('hub-config', { repository, path, problems: [problem] })
  }
  const read = (path: string): Record<string, unknown> => {
    const bytes = files[path]
    if (!bytes) return {}
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
    } catch {
      return refuse(path, 'not JSON')
    }
  }
  const [json, config] = [read('tokenizer.json'), read('tokenizer_config.json')]
  const jinja = files['chat_template.jinja']
  const template = jinja ? new TextDecoder().decode(jinja) : read('chat_template.json').chat_template
  const tokenizer = new PreTrainedTokenizer(json, config)
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const chatTemplate = typeof template === 'string' ? template : config.chat_template
  if (typeof chatTemplate !== 'string') return refuse('tokenizer_config.json', 'no chat template')
  // Written as its text, or as an added token with a text.
  const eos = typeof config.eos_token === 'object' ? (config.eos_token as AddedToken | null)?.content : config.eos_token
  const [endId] = typeof eos === 'string' ? encode(eos) : []
  if (endId === undefined) return refuse('tokenizer_config.json', 'no eos_token')
  const added = Array.isArray(json.added_tokens) ? (json.added_tokens as AddedToken[]) : []
  const imageToken = added.find(({ id }) => id === imageTokenId)?.content
  if (!imageToken) return refuse('tokenizer.json', `no added token ${imageTokenId}`)
  return {
    encode,
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: true })),
    render: (messages) =>
      String(
        tokenizer.apply_chat_template(messages as never, {
          tokenize: false,
          add_generation_prompt: true,
          chat_template: chatTemplate,
        }),
      ),
    endId,
    // Whatever the tokenizer takes for one piece: the image token is among them, special or not.
    specialTokens: added.map(({ content }) => content).sort((a, b) => b.length - a.length),
    imageToken,
  }
}

type AddedToken = { readonly id: number; readonly content: string }
