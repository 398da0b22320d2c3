/** A hub's checkpoint ready to answer: its decoder, embeddings and tokenizer behind our own loop, and what of a conversation fits. */
import { jsonHash } from '../../cache/hash'
import type { HubModel } from '../../packs/hub/config'
import { countedReader, graphPaths, type HubGraph, readGraph } from '../../packs/hub/graphs'
import { openHeld } from '../../packs/hub/held'
import type { HubManifest } from '../../packs/hub/manifest'
import { requireCard } from '../../packs/hub/precision'
import { type Backend, type LoadProgress, type Turn, ValleyError } from '../../protocol'
import { type GpuDevice, openDevice } from '../../runtime/device'
import type { Ledger } from '../../runtime/ledger'
import { loadOrt, type OrtModule } from '../../runtime/ort'
import type { HeldClip } from '../clips'
import { Context } from '../context'
import type { Prefix } from '../kept-prefixes'
import type { Composed, Conversation, GenerationDefaults, LoadedModel } from '../loaded-model'
import { commonPrefix, type Sequence } from '../splice'
import { HubDecoder } from './decoder'
import { HubEmbedding } from './embedding'
import { type HubClip, hubSequence, hubText } from './prompt'
import { type HubTokenizer, type HubTokenizerFiles, openHubTokenizer } from './tokenizer'

/** Positions of prompt and answer together, at most: what a clip of sixteen frames and a talk about it take. */
const largestContext = 4096

/** Greedy, and long enough for a paragraph. There is no answer search: these graphs cannot weigh several answers at once. */
const generation: GenerationDefaults = {
  maxNewTokens: 256,
  temperature: 0,
  topP: 1,
  repetitionPenalty: 1,
  beams: 1,
  lengthPenalty: 1,
}

export type HubFiles = {
  readonly decoder: HubGraph
  readonly embedding: HubGraph
  readonly tokenizer: HubTokenizerFiles
}

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json']

/** What the language half reads of a repository that is kept here. Errors: as readHubFile */
async function readHubFiles(manifest: HubManifest, report: (progress: LoadProgress) => void): Promise<HubFiles> {
  const held = tokenizerFiles.filter((path) => manifest.files.some((file) => file.path === path))
  const graphs = [...graphPaths(manifest, 'decoder_model_merged'), ...graphPaths(manifest, 'embed_tokens')]
  const read = countedReader(manifest, [...held, ...graphs], report)
  const [decoder, embedding, ...texts] = await Promise.all([
    readGraph(manifest, 'decoder_model_merged', read),
    readGraph(manifest, 'embed_tokens', read),
    ...held.map(read),
  ])
  return { decoder, embedding, tokenizer: Object.fromEntries(held.map((path, at) => [path, texts[at]])) }
}

/**
 * Loads a repository that is held here, on the backend that its files were chosen for, or on the CPU where that is gone and
 * the files run there too.
 * Errors: as openHeld, requireCard and openSession; unsupported-browser {feature} where WebGPU is forced and not there
 */
export async function loadHubModel(
  repository: string,
  forced: Backend | undefined,
  ledger: Ledger,
  report: (progress: LoadProgress) => void,
): Promise<LoadedModel> {
  report({ stage: 'manifest', done: 0, total: 1 })
  const { manifest, model, identity } = await openHeld(repository)
  report({ stage: 'manifest', done: 1, total: 1 })
  const gpu = await deviceFor(manifest, forced, ledger)
  try {
    const backend = gpu ? 'webgpu' : 'wasm'
    // The runtime's code loads while the weights are read.
    void loadOrt(backend).catch(() => {})
    const files = await readHubFiles(manifest, report)
    report({ stage: 'session', done: 0, total: 1 })
    const language = await HubLanguage.open(await loadOrt(backend), repository, model, files, gpu, ledger)
    report({ stage: 'session', done: 1, total: 1 })
    const { decoder, context, embedding, tokenizer, contextTokens } = language
    return {
      packId: identity.id,
      backend,
      capacity: decoder.capacity,
      context,
      embedding,
      tokenizer,
      contextTokens,
      maxBeams: 1,
      generation,
      cached: false,
      identity: await jsonHash([identity.hash, backend]),
      compose: (clip, conversation, _, limit) => language.answerable(clip, conversation, limit),
      prefix: (clip) => language.prefix(clip),
      dispose: async () => {
        await language.dispose()
        gpu?.dispose()
      },
    }
  } catch (thrown) {
    gpu?.dispose()
    throw thrown
  }
}

/** null: the CPU. A software adapter counts where it is forced. */
async function deviceFor(
  { repository, backend, precisions }: HubManifest,
  forced: Backend | undefined,
  ledger: Ledger,
): Promise<GpuDevice | null> {
  const found = (forced ?? backend) === 'webgpu' ? await openDevice(ledger) : null
  const gpu = found && (forced || !found.software) ? found : null
  try {
    requireCard(repository, [precisions.decoder_model_merged], gpu && { software: false, shaderF16: gpu.shaderF16 })
    if (!gpu && forced === 'webgpu') throw new ValleyError('unsupported-browser', { feature: 'webgpu' })
  } catch (thrown) {
    found?.dispose()
    throw thrown
  }
  if (!gpu) found?.dispose()
  return gpu
}

export class HubLanguage {
  readonly context: Context

  private constructor(
    readonly model: HubModel,
    readonly decoder: HubDecoder,
    readonly embedding: HubEmbedding,
    readonly tokenizer: HubTokenizer,
    readonly contextTokens: number,
  ) {
    this.context = new Context(decoder)
  }

  /** @param gpu  for the decoder; null: the CPU. Errors: hub-config, as openSession */
  static async open(
    ort: OrtModule,
    repository: string,
    model: HubModel,
    files: HubFiles,
    gpu: GpuDevice | null,
    ledger: Ledger,
  ): Promise<HubLanguage> {
    const tokenizer = await openHubTokenizer(repository, files.tokenizer, model.imageTokenId)
    const contextTokens = Math.min(model.text.maxPositions, largestContext)
    const decoder = await HubDecoder.open(ort, files.decoder, model.text, contextTokens, gpu, ledger)
    try {
      const embedding = await HubEmbedding.open(ort, files.embedding, model.text.hiddenSize, ledger)
      return new HubLanguage(model, decoder, embedding, tokenizer, contextTokens)
    } catch (thrown) {
      await decoder.dispose()
      throw thrown
    }
  }

  /**
   * The conversation within `limit` positions: the oldest turns are dropped until it fits, the clip never.
   * Errors: context-full {tokens, limit} where the question alone does not fit beside the clip.
   */
  async compose(
    conversation: { readonly turns: readonly Turn[]; readonly question: string; readonly clip: HubClip | null },
    limit: number,
  ): Promise<{ readonly sequence: Sequence; readonly droppedTurns: number }> {
    const { family, imageTokenId } = this.model
    for (let droppedTurns = 0; ; droppedTurns++) {
      const turns = conversation.turns.slice(droppedTurns)
      const text = hubText(family, this.tokenizer, { ...conversation, turns })
      const sequence = await hubSequence(text, this.tokenizer, imageTokenId, conversation.clip, this.embedding)
      const tokens = sequence.keys.length
      if (tokens <= limit) return { sequence, droppedTurns }
      if (turns.length === 0) throw new ValleyError('context-full', { tokens, limit })
    }
  }

  /** See LoadedModel.compose. Nothing is quoted: these packs bring no captions. */
  async answerable(clip: HeldClip | null, { turns, question }: Conversation, limit: number): Promise<Composed> {
    const { sequence, droppedTurns } = await this.compose({ turns, question, clip: hubClip(clip) }, limit)
    const prefix = await this.prefix(clip)
    const boundaries = clip ? prefix.boundaries : [commonPrefix(prefix.sequence.keys, sequence.keys)]
    return { sequence, prefix, boundaries, droppedTurns, quotes: [] }
  }

  /** What every conversation begins with: the template up to the clip's last token, or to the question where there is none. */
  async prefix(clip: HeldClip | null): Promise<Prefix> {
    const about = (question: string) =>
      this.compose({ turns: [], question, clip: hubClip(clip) }, Number.POSITIVE_INFINITY)
    const { sequence } = await about('')
    const { keys, embed } = sequence
    const end = clip
      ? keys.findLastIndex((key) => typeof key === 'string') + 1
      : commonPrefix(keys, (await about('?')).sequence.keys)
    return { sequence: { keys: keys.slice(0, end), embed }, boundaries: [end] }
  }

  async dispose(): Promise<void> {
    await this.decoder.dispose()
    await this.embedding.dispose()
  }
}

/** A clip as the prompt wants it. Throws RangeError where its tokens are of a pack of another kind. */
function hubClip(clip: HeldClip | null): HubClip | null {
  if (!clip) return null
  const { span, hub } = clip
  if (!hub) throw new RangeError('visual tokens that are not of a pack of the hub')
  return { name: span.name, times: hub.times, pooling: hub.pooling, rows: span.rows, tokens: span.length }
}
