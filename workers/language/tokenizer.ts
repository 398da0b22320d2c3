/**
 * The pack's own tokenizer and chat template through transformers.js, from bytes that were verified before: nothing is
 * asked of a hub, and its copy of onnxruntime is never started.
 */
import { ValleyError } from '../protocol'

export type ChatMessage = { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }

export type ChatTokenizer = {
  /** Ids of text in which special tokens may stand; none are added. */
  readonly encode: (text: string) => number[]
  /** Text of ids, special tokens left out. An unfinished UTF-8 sequence at the end shows as U+FFFD. */
  readonly decode: (ids: readonly number[]) => string
  /** The chat template's text, ready for the assistant to answer. */
  readonly render: (messages: readonly ChatMessage[]) => string
  /** The token that closes a message; generation stops there. */
  readonly endId: number
  /** Texts of the special tokens, longest first; a person's own words must not contain them. */
  readonly specialTokens: readonly string[]
}

/**
 * @param tokenizerJson  tokenizer.json, UTF-8
 * @param tokenizerConfig  tokenizer_config.json with the chat template inside, UTF-8
 * Errors: pack-invalid
 */
export async function openTokenizer(tokenizerJson: Uint8Array, tokenizerConfig: Uint8Array): Promise<ChatTokenizer> {
  const { env, PreTrainedTokenizer } = await import('@huggingface/transformers')
  env.allowRemoteModels = false
  env.allowLocalModels = false
  const json = parse('tokenizer.json', tokenizerJson)
  const config = parse('tokenizer_config.json', tokenizerConfig)
  const tokenizer = new PreTrainedTokenizer(json, config)
  const added = Array.isArray(json.added_tokens) ? (json.added_tokens as { content: string; special: boolean }[]) : []
  const specialTokens = added.filter((token) => token.special).map((token) => token.content)
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  const [endId] = typeof config.eos_token === 'string' ? encode(config.eos_token) : []
  if (endId === undefined || typeof config.chat_template !== 'string') {
    const problems = ['eos_token and chat_template must be strings']
    throw new ValleyError('pack-invalid', { path: 'tokenizer_config.json', problems })
  }
  return {
    encode,
    decode: (ids) => (ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: true })),
    render: (messages) =>
      String(
        tokenizer.apply_chat_template(
          messages.map((message) => ({ ...message })),
          { tokenize: false, add_generation_prompt: true },
        ),
      ),
    endId,
    specialTokens: specialTokens.sort((a, b) => b.length - a.length),
  }
}

function parse(path: string, bytes: Uint8Array): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>
  } catch (thrown) {
    throw new ValleyError('pack-invalid', { path, problems: ['not JSON'] }, { cause: thrown })
  }
}
