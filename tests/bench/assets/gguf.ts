/**
 * A GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md) of the base's weights, for peers that read
 * nothing else. Tensor names, order and bytes are already those of a GGUF (docs/pack-format.md); only a container is put
 * around them. The matrices that are stored as Q4_1 stay so, or are quantised anew as Q8_0 like the others.
 */
import { dequantise } from '../../../workers/packs/gguf'
import { halfTable, toHalf } from '../../../workers/packs/half'
import type { BaseManifest, BaseTensor } from '../../../workers/packs/schema'

const alignment = 32
/** ggml's numbers of tensor types. */
const typeNumbers = { F32: 0, F16: 1, Q4_0: 2, Q4_1: 3, Q8_0: 8 } as const
/** What the Q4_1 matrices become. */
export type GgufFormat = 'Q4_1' | 'Q8_0'
/** `general.file_type` of llama.cpp: what most tensors are. */
const fileTypes: Readonly<Record<GgufFormat, number>> = { Q4_1: 3, Q8_0: 7 }

/** What of tokenizer.json and tokenizer_config.json a GGUF holds. */
export type Vocabulary = {
  readonly tokens: readonly string[]
  readonly merges: readonly string[]
  /** Ids of control tokens. */
  readonly control: ReadonlySet<number>
  readonly bos: number
  readonly eos: number
  readonly unknown: number
  readonly chatTemplate: string
}

type Value =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: boolean }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly int32s: readonly number[] }

/** Reads the files of the base. Throws where they are of another kind than byte-level BPE. */
export function readVocabulary(tokenizerJson: string, configJson: string): Vocabulary {
  const { model, added_tokens: added } = JSON.parse(tokenizerJson) as {
    model: { type: string; vocab: Record<string, number>; merges: (string | [string, string])[] }
    added_tokens: { id: number; special: boolean }[]
  }
  const config = JSON.parse(configJson) as Record<'bos_token' | 'eos_token' | 'unk_token' | 'chat_template', string>
  if (model.type !== 'BPE') throw new Error(`a ${model.type} tokenizer has no place in this GGUF`)
  const tokens: string[] = []
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token
  const id = (token: string) => {
    const found = model.vocab[token]
    if (found === undefined) throw new Error(`${token} is not in the vocabulary`)
    return found
  }
  return {
    tokens,
    merges: model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' '))),
    control: new Set(added.filter(({ special }) => special).map((token) => token.id)),
    bos: id(config.bos_token),
    eos: id(config.eos_token),
    unknown: id(config.unk_token),
    chatTemplate: config.chat_template,
  }
}

/** Q8_0 blocks (f16 scale, 32 int8) of float32 weights, rounded to the nearest; the count must be a multiple of 32. */
export function quantiseQ80(weights: Float32Array): Buffer {
  if (weights.length % 32 !== 0) throw new RangeError(`${weights.length} weights are no whole blocks`)
  const half = halfTable()
  const out = Buffer.alloc((weights.length / 32) * 34)
  for (let block = 0, at = 0; at < weights.length; block += 34, at += 32) {
    const row = weights.subarray(at, at + 32)
    const bits = toHalf(row.reduce((peak, weight) => Math.max(peak, Math.abs(weight)), 0) / 127)
    const scale = half[bits] ?? 0
    out.writeUInt16LE(bits, block)
    for (const [i, weight] of row.entries()) {
      const code = scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(weight / scale)))
      out.writeInt8(code, block + 2 + i)
    }
  }
  return out
}

function stored(
  tensor: BaseTensor,
  bytes: Uint8Array,
  format: GgufFormat,
): { type: keyof typeof typeNumbers; data: Uint8Array } {
  if (tensor.type !== 'Q4_1' || format === 'Q4_1') return { type: tensor.type, data: bytes }
  const weights = new Float32Array(tensor.shape.reduce((a, b) => a * b, 1))
  dequantise('Q4_1', bytes, weights.length, weights)
  return { type: 'Q8_0', data: quantiseQ80(weights) }
}

function metadata({ id, architecture }: BaseManifest, vocabulary: Vocabulary, format: GgufFormat): [string, Value][] {
  const { hiddenSize, layers, heads, kvHeads, headDim, intermediateSize, vocabSize } = architecture
  return [
    ['general.architecture', { string: 'llama' }],
    ['general.name', { string: id }],
    ['general.alignment', { uint32: alignment }],
    ['general.file_type', { uint32: fileTypes[format] }],
    ['llama.context_length', { uint32: architecture.maxPositions }],
    ['llama.embedding_length', { uint32: hiddenSize }],
    ['llama.block_count', { uint32: layers }],
    ['llama.feed_forward_length', { uint32: intermediateSize }],
    ['llama.attention.head_count', { uint32: heads }],
    ['llama.attention.head_count_kv', { uint32: kvHeads }],
    ['llama.attention.layer_norm_rms_epsilon', { float32: architecture.rmsNormEps }],
    ['llama.rope.dimension_count', { uint32: headDim }],
    ['llama.rope.freq_base', { float32: architecture.ropeTheta }],
    ['llama.vocab_size', { uint32: vocabSize }],
    ['tokenizer.ggml.model', { string: 'gpt2' }],
    ['tokenizer.ggml.pre', { string: 'smollm' }],
    ['tokenizer.ggml.tokens', { strings: vocabulary.tokens }],
    // 1 is a normal token, 3 one that only the template writes.
    ['tokenizer.ggml.token_type', { int32s: vocabulary.tokens.map((_, i) => (vocabulary.control.has(i) ? 3 : 1)) }],
    ['tokenizer.ggml.merges', { strings: vocabulary.merges }],
    ['tokenizer.ggml.bos_token_id', { uint32: vocabulary.bos }],
    ['tokenizer.ggml.eos_token_id', { uint32: vocabulary.eos }],
    ['tokenizer.ggml.unknown_token_id', { uint32: vocabulary.unknown }],
    ['tokenizer.ggml.add_bos_token', { bool: false }],
    ['tokenizer.chat_template', { string: vocabulary.chatTemplate }],
  ]
}

const u32 = (value: number) => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(value)
  return out
}
const u64 = (value: number) => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(value))
  return out
}
const f32 = (value: number) => {
  const out = Buffer.alloc(4)
  out.writeFloatLE(value)
  return out
}
const text = (value: string) => {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([u64(bytes.length), bytes])
}

/** Type number and bytes of a metadata value. */
function encoded(value: Value): Buffer {
  if ('uint32' in value) return Buffer.concat([u32(4), u32(value.uint32)])
  if ('float32' in value) return Buffer.concat([u32(6), f32(value.float32)])
  if ('bool' in value) return Buffer.concat([u32(7), Buffer.from([Number(value.bool)])])
  if ('string' in value) return Buffer.concat([u32(8), text(value.string)])
  if ('strings' in value) {
    return Buffer.concat([u32(9), u32(8), u64(value.strings.length), ...value.strings.map(text)])
  }
  const numbers = Buffer.from(Int32Array.from(value.int32s).buffer)
  return Buffer.concat([u32(9), u32(5), u64(value.int32s.length), numbers])
}

const padded = (length: number) => Math.ceil(length / alignment) * alignment

/**
 * The bytes of the file, in pieces.
 * @param read  the stored bytes of a tensor of the base
 */
export function ggufOf(
  base: BaseManifest,
  vocabulary: Vocabulary,
  read: (tensor: BaseTensor) => Uint8Array,
  format: GgufFormat,
): Buffer[] {
  const fields = metadata(base, vocabulary, format)
  const tensors = base.tensors.map((tensor) => ({ ...tensor, ...stored(tensor, read(tensor), format) }))
  let offset = 0
  const infos = tensors.map(({ name, shape, type, data }) => {
    const info = [text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(typeNumbers[type]), u64(offset)]
    offset += padded(data.length)
    return Buffer.concat(info)
  })
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(fields.length),
    ...fields.flatMap(([key, value]) => [text(key), encoded(value)]),
    ...infos,
  ])
  const pad = (length: number) => Buffer.alloc(padded(length) - length)
  return [head, pad(head.length), ...tensors.flatMap(({ data }) => [Buffer.from(data), pad(data.length)])]
}
