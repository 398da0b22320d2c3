/**
 * The language side as one object: loads a pack, takes visual tokens from the vision worker, answers, scores and
 * prepares, one job at a time on one decoder and one KV cache.
 */
import type { GraphFlavour } from '../packs/schema'
import {
  type AnswerEvent,
  type AskRequest,
  type LanguageApi,
  type LanguageInfo,
  type LoadOptions,
  type LoadProgress,
  type TokenMessage,
  toValleyError,
  ValleyError,
} from '../protocol'
import { Ledger } from '../runtime/ledger'
import { wasmThreads } from '../runtime/ort'
import { ClipStore } from './clips'
import { EventStream } from './event-stream'
import { type GenerateEvent, generate, scoreText } from './generate'
import { JobQueue } from './job-queue'
import { type LoadedModel, loadModel } from './model'
import { type Conversation, fitPrompt, prefixIds } from './prompt'
import { type Random, seededRandom } from './sampling'
import { commonPrefix, type Sequence, splice, type VisualSpan } from './splice'

export type EngineOptions = {
  /** Forces a decoder graph instead of the backend's best (tests). */
  readonly flavour?: GraphFlavour
}

export class LanguageEngine implements LanguageApi {
  readonly #ledger = new Ledger()
  readonly #queue = new JobQueue()
  readonly #clips = new ClipStore(this.#ledger)
  readonly #options: EngineOptions
  #model: LoadedModel | undefined
  /** Ids of the system prompt and the head of the first user turn. */
  #prefix: readonly number[] = []

  constructor(options: EngineOptions = {}) {
    this.#options = options
  }

  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<LanguageInfo> {
    return this.#queue.run(async () => {
      const started = performance.now()
      await this.#unload()
      const model = await loadModel(options, this.#ledger, onProgress, this.#options.flavour).catch((thrown) => {
        throw toValleyError(thrown, thrown instanceof RangeError ? 'out-of-memory' : 'internal', { stage: 'load' })
      })
      this.#model = model
      this.#prefix = prefixIds(model.tokenizer, model.pack.prompt.system)
      onProgress({ stage: 'warm-up', done: 0, total: 1 })
      await model.context.fill(this.#sequence(model, null), this.#prefix.length)
      onProgress({ stage: 'warm-up', done: 1, total: 1 })
      return {
        packId: model.pack.id,
        backend: model.decoder.backend,
        threads: wasmThreads(),
        contextTokens: model.contextTokens,
        cached: model.cached,
        loadMs: performance.now() - started,
      }
    })
  }

  connect(port: MessagePort): void {
    port.onmessage = ({ data }: MessageEvent<TokenMessage>) => {
      if (data.type === 'tokens') this.#clips.add(data.tokens)
      else this.forget(data.clipId)
    }
  }

  ask(request: AskRequest, signal: AbortSignal): AsyncIterable<AnswerEvent> {
    const left = new AbortController()
    const stream = new EventStream<AnswerEvent>(() => left.abort())
    const either = AbortSignal.any([signal, left.signal])
    this.#answer(request, either, (event) => stream.push(event)).then(
      () => stream.end(),
      (thrown) => stream.fail(toValleyError(thrown)),
    )
    return stream
  }

  async score(
    clipId: string | null,
    question: string,
    texts: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const visual = clipId === null ? null : await this.#clips.get(clipId, signal)
    return this.#queue.run(async () => {
      const model = this.#loaded()
      const scores: number[] = []
      for (const text of texts) {
        const ids = model.tokenizer.encode(text)
        const conversation = this.#conversation(model, visual, { turns: [], question })
        const { pieces } = fitPrompt(model.tokenizer, conversation, model.contextTokens - ids.length)
        const sequence = splice(pieces, model.embedding, visual)
        const boundaries = this.#boundaries(sequence, visual)
        // A text of no tokens has no mean; it must not rank above one that has.
        const none = Number.NEGATIVE_INFINITY
        scores.push(ids.length === 0 ? none : await scoreText(model, sequence, ids, boundaries, signal))
      }
      return scores
    }, signal)
  }

  async prepare(clipId: string, signal: AbortSignal): Promise<void> {
    const visual = await this.#clips.get(clipId, signal)
    await this.#queue.run(async () => {
      const model = this.#loaded()
      const sequence = this.#sequence(model, visual)
      const boundaries = this.#boundaries(sequence, visual)
      // A conversation about this clip may already hold more than its prefix.
      if (commonPrefix(model.context.keys, sequence.keys) === sequence.keys.length) return
      await model.context.fill(sequence, sequence.keys.length, { boundaries, signal })
    }, signal)
  }

  forget(clipId: string): void {
    this.#clips.forget(clipId)
  }

  ledger() {
    return this.#ledger.snapshot()
  }

  /** Ends the session and frees the KV cache, the device and the clips' tokens, after whatever runs. */
  async dispose(): Promise<void> {
    await this.#queue.run(() => this.#unload())
    this.#clips.clear()
  }

  async #unload(): Promise<void> {
    const model = this.#model
    this.#model = undefined
    await model?.dispose()
  }

  async #answer(request: AskRequest, signal: AbortSignal, push: (event: AnswerEvent) => void): Promise<void> {
    const asked = performance.now()
    const visual = request.clipId === null ? null : await this.#clips.get(request.clipId, signal)
    await this.#queue.run(async () => {
      const model = this.#loaded()
      const options = { ...model.pack.generation, ...request.options }
      // An answer may take half of the context at most, else a question could never fit.
      const maxNewTokens = Math.max(1, Math.min(options.maxNewTokens, model.contextTokens >> 1))
      const conversation = this.#conversation(model, visual, request)
      const prompt = fitPrompt(model.tokenizer, conversation, model.contextTokens - maxNewTokens)
      const sequence = splice(prompt.pieces, model.embedding, visual)
      const boundaries = this.#boundaries(sequence, visual)
      const random = randomOf(options.seed)
      let firstText: number | undefined
      const emit = (event: GenerateEvent) => {
        if (event.type === 'prefill') return push(event)
        if (event.text !== '') {
          firstText ??= performance.now()
          push({ type: 'text', text: event.text })
        }
        if (event.type === 'token') return
        const { reusedTokens, newTokens, prefillMs, decodeMs } = event.stats
        push({
          type: 'done',
          reason: event.reason,
          stats: {
            promptTokens: prompt.length,
            reusedTokens,
            newTokens,
            timeToFirstToken: (firstText ?? performance.now()) - asked,
            prefillMs,
            tokensPerSecond: newTokens > 1 ? (1000 * (newTokens - 1)) / decodeMs : 0,
            backend: model.decoder.backend,
            droppedTurns: prompt.droppedTurns,
          },
        })
      }
      await generate(model, sequence, { sampling: options, random, maxNewTokens, boundaries, signal }, emit)
    }, signal)
  }

  #loaded(): LoadedModel {
    if (this.#model) return this.#model
    throw new ValleyError('internal', { stage: 'language' }, { message: 'no pack is loaded' })
  }

  #conversation(
    model: LoadedModel,
    visual: VisualSpan | null,
    { turns, question }: Pick<AskRequest, 'turns' | 'question'>,
  ): Conversation {
    return { system: model.pack.prompt.system, turns, question, visualLength: visual?.length ?? null }
  }

  /** The prefix that every conversation about `visual` shares. */
  #sequence(model: LoadedModel, visual: VisualSpan | null): Sequence {
    const text = { kind: 'text', ids: this.#prefix } as const
    const pieces = visual ? [text, { kind: 'visual', length: visual.length } as const] : [text]
    return splice(pieces, model.embedding, visual)
  }

  /**
   * Chunks begin where a shared prefix ends, whether or not it was prefilled before: an int8 answer then does not depend
   * on what happened to be cached.
   */
  #boundaries(sequence: Sequence, visual: VisualSpan | null): number[] {
    const shared = commonPrefix(this.#prefix, sequence.keys)
    return visual ? [shared, shared + visual.length] : [shared]
  }
}

function randomOf(seed: number | undefined): Random {
  return seededRandom(seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0)
}
