/** A hub's checkpoint ready to answer: its decoder, embeddings and tokenizer behind our own loop, and what of a conversation fits. */
import type { HubModel } from '../../packs/hub/config'
import { type HubGraph, readGraph, readHubFile } from '../../packs/hub/graphs'
import type { HubManifest } from '../../packs/hub/manifest'
import { type Turn, ValleyError } from '../../protocol'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import { Context } from '../context'
import type { Sequence } from '../splice'
import { HubDecoder } from './decoder'
import { HubEmbedding } from './embedding'
import { type HubClip, hubSequence, hubText } from './prompt'
import { type HubTokenizer, type HubTokenizerFiles, openHubTokenizer } from './tokenizer'

/** Positions of prompt and answer together, at most: what a clip of sixteen frames and a talk about it take. */
const largestContext = 4096

export type HubFiles = {
  readonly decoder: HubGraph
  readonly embedding: HubGraph
  readonly tokenizer: HubTokenizerFiles
}

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja', 'chat_template.json']

/** What the language half reads of a repository that is kept here. Errors: as readGraph */
export async function readHubFiles(manifest: HubManifest): Promise<HubFiles> {
  const held = tokenizerFiles.filter((path) => manifest.files.some((file) => file.path === path))
  const [decoder, embedding, ...texts] = await Promise.all([
    readGraph(manifest, 'decoder_model_merged'),
    readGraph(manifest, 'embed_tokens'),
    ...held.map((path) => readHubFile(manifest, path)),
  ])
  return { decoder, embedding, tokenizer: Object.fromEntries(held.map((path, at) => [path, texts[at]])) }
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

  /** Errors: hub-config, as openSession */
  static async open(
    ort: OrtModule,
    repository: string,
    model: HubModel,
    files: HubFiles,
    ledger: Ledger,
  ): Promise<HubLanguage> {
    const tokenizer = await openHubTokenizer(repository, files.tokenizer, model.imageTokenId)
    const contextTokens = Math.min(model.text.maxPositions, largestContext)
    const decoder = await HubDecoder.open(ort, files.decoder, model.text, contextTokens, ledger)
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

  async dispose(): Promise<void> {
    await this.decoder.dispose()
    await this.embedding.dispose()
  }
}
