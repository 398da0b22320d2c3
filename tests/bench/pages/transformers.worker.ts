/**
 * The models of the peer "transformers.js": its image processor at the settings of preprocessor_config.json, its sessions
 * (one chain of runs for all of them), its tensors. What the library has no code for (the projector, the place of visual
 * tokens in the prompt, a cache for a graph that returns only new rows) is the app's own, so that both do the same work.
 */
import { AutoImageProcessor, env, PreTrainedModel, RawImage, Tensor } from '@huggingface/transformers'
import * as Comlink from 'comlink'
import asyncifyMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import { causalBias } from '../../../workers/language/decoder'
import { TokenEmbedding } from '../../../workers/language/embedding'
import { kvNames } from '../../../workers/language/kv-cache'
import { conversationPieces } from '../../../workers/language/prompt'
import { argmax } from '../../../workers/language/sampling'
import { splice, type VisualSpan, visualSpan } from '../../../workers/language/splice'
import { type ChatTokenizer, openTokenizer } from '../../../workers/language/tokenizer'
import { type BaseSource, openBase, openPack, type PackSource } from '../../../workers/packs/source'
import { type PackTensors, packTensors, requireTensor } from '../../../workers/vision/pack-tensors'
import { visualTokensReference } from '../../../workers/vision/reference/pooling'
import { withTimes } from '../../../workers/vision/times'
import type { PeerAnswer, PeerQuestion } from './peer'

export type Picture = {
  readonly data: Uint8ClampedArray<ArrayBuffer>
  readonly width: number
  readonly height: number
}
type Places = { readonly pack: string; readonly data: string; readonly weights: string; readonly threads: number }
type Outputs = Record<string, Tensor>
type Run = (inputs: Record<string, Tensor>) => Promise<Outputs>
type Processor = (images: RawImage[]) => Promise<{ pixel_values: Tensor }>

type Loaded = {
  readonly pack: PackSource
  readonly base: BaseSource
  readonly tensors: PackTensors
  readonly embedding: TokenEmbedding
  readonly tokenizer: ChatTokenizer
  readonly processor: Processor
  readonly tower: Run
  readonly decoder: Run
}

let loaded: Loaded | undefined

async function load({ pack: packUrl, data, weights, threads }: Places): Promise<void> {
  const { wasm } = env.backends.onnx
  if (!wasm) throw new Error('transformers.js has no WASM backend here')
  wasm.wasmPaths = { mjs: absolute(asyncifyMjs), wasm: absolute(asyncifyWasm) }
  // Its default would be half of the cores; the app takes all up to four.
  wasm.numThreads = threads
  const pack = await openPack(packUrl)
  const base = await openBase(pack)
  const { manifest } = base
  const embeddingTensor = manifest.tensors.find(({ name }) => name === manifest.embedding)
  const shardEntry = manifest.files.weights[embeddingTensor?.shard ?? 0]
  const graph = manifest.graphs.int8
  if (!embeddingTensor || !shardEntry || !graph) throw new Error('the base has no embedding or no int8 graph')
  const { offset, bytes } = embeddingTensor
  const shard = await base.file(shardEntry)
  const projector = await pack.file(pack.manifest.projector.file)
  const tokenizer = await openTokenizer(
    await base.file(manifest.files.tokenizer),
    await base.file(manifest.files.tokenizerConfig),
  )
  env.allowRemoteModels = false
  env.allowLocalModels = true
  env.localModelPath = data
  const options = { device: 'wasm', dtype: 'fp32' } as const
  const external = { externalData: [{ path: graph.externalData, data: weights }] }
  const tower = await PreTrainedModel.from_pretrained('tower', options)
  const decoder = await PreTrainedModel.from_pretrained('decoder', { ...options, session_options: external })
  loaded = {
    pack,
    base,
    tensors: packTensors(pack.manifest.projector, projector),
    embedding: new TokenEmbedding(embeddingTensor, shard.slice(offset, offset + bytes)),
    tokenizer,
    processor: (await AutoImageProcessor.from_pretrained('tower')) as unknown as Processor,
    tower: tower as unknown as Run,
    decoder: decoder as unknown as Run,
  }
}

const absolute = (path: string) => new URL(path, self.location.href).href

async function answer(asked: PeerQuestion, pictures: readonly Picture[] | null): Promise<Omit<PeerAnswer, 'wallMs'>> {
  if (!loaded) throw new Error('nothing is loaded')
  const { pack, embedding, tokenizer } = loaded
  const span = pictures && (await visualTokens(loaded, pictures))
  const { turns, question } = asked
  const clip = span && { visualLength: span.length, hint: '' }
  const { system } = pack.manifest.prompt
  const sequence = splice(conversationPieces(tokenizer, { system, turns, question, clip }), embedding, span)
  const promptTokens = sequence.keys.length
  const cache = new Cache(loaded, promptTokens + asked.maxNewTokens)
  const started = performance.now()
  let next = argmax(await cache.run(sequence.embed(0, promptTokens)))
  const first = performance.now()
  const ids: number[] = []
  while (next !== tokenizer.endId && ids.length < asked.maxNewTokens) {
    ids.push(next)
    if (ids.length < asked.maxNewTokens) next = argmax(await cache.run(embedding.rows([next])))
  }
  return {
    text: tokenizer.decode(ids),
    promptTokens,
    newTokens: ids.length,
    prefillMs: first - started,
    decodeMs: performance.now() - first,
  }
}

async function visualTokens(
  { pack, tensors, processor, tower }: Loaded,
  pictures: readonly Picture[],
): Promise<VisualSpan> {
  const images = pictures.map(({ data, width, height }) => new RawImage(data, width, height, 4))
  const { pixel_values } = await processor(images)
  const { tower: shape, pooling } = pack.manifest
  const outputs = await tower({ pixels: pixel_values })
  const patches = floats(outputs[shape.patchesOutput])
  const cls = floats(outputs[shape.clsOutput])
  const size = { frames: pictures.length, patches: shape.gridTokens, width: shape.width }
  const pooled = visualTokensReference(patches, cls, size, pooling, tensors)
  const hiddenSize = pack.manifest.projector.outputSize
  const markers = requireTensor(tensors, 'markers', [4, hiddenSize]).data
  const frameTokens = withTimes(pooled.frameTokens, hiddenSize, tensors)
  return visualSpan('clip', { ...pooled, frameTokens, hiddenSize, markers, clipId: 'clip', kind: 'video', quotes: [] })
}

function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error('the graph gave no floats')
  return tensor.data
}

/** Keys and values in arrays of fixed size, a view of which goes into each run: the fastest way that this graph can be fed. */
class Cache {
  readonly #decoder: Run
  readonly #width: number
  readonly #buffers: ReadonlyMap<string, Float32Array>
  #length = 0

  constructor({ decoder, base }: Loaded, capacity: number) {
    const { layers, kvHeads, headDim } = base.manifest.architecture
    this.#decoder = decoder
    this.#width = kvHeads * headDim
    this.#buffers = new Map(kvNames(layers).map((name) => [name, new Float32Array(capacity * this.#width)]))
  }

  /** Runs rows after those before; the logits of the last. */
  async run(embeds: Float32Array): Promise<Float32Array> {
    const width = this.#width
    const past = this.#length
    const hiddenSize = loaded?.embedding.hiddenSize ?? 0
    const rows = embeds.length / hiddenSize
    const feeds: Record<string, Tensor> = {
      inputs_embeds: new Tensor('float32', embeds, [1, rows, hiddenSize]),
      position_ids: new Tensor(
        'int64',
        BigInt64Array.from({ length: rows }, (_, row) => BigInt(past + row)),
        [1, rows],
      ),
      attention_bias: new Tensor('float32', causalBias(past, rows), [1, 1, rows, past + rows]),
      logits_index: new Tensor('int64', BigInt64Array.of(BigInt(rows - 1)), [1]),
    }
    for (const [name, buffer] of this.#buffers) {
      feeds[`past.${name}`] = new Tensor('float32', buffer.subarray(0, past * width), [1, past, width])
    }
    const outputs = await this.#decoder(feeds)
    for (const [name, buffer] of this.#buffers) buffer.set(floats(outputs[`new.${name}`]), past * width)
    this.#length += rows
    return floats(outputs.logits)
  }
}

/** Visual tokens of a clip, and nothing made of them. */
async function tokens(pictures: readonly Picture[]): Promise<void> {
  if (!loaded) throw new Error('nothing is loaded')
  await visualTokens(loaded, pictures)
}

const exposed = { load, answer, tokens }
export type TransformersModel = typeof exposed
Comlink.expose(exposed)
