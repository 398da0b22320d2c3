/**
 * The language side as one object: loads a pack, takes visual tokens from the vision worker, answers, scores and
 * prepares, one job at a time on one decoder and one KV cache.
 */
import {
  type AnswerEvent,
  type AskRequest,
  type ForcedToken,
  type GenerationOptions,
  type LanguageApi,
  type LanguageInfo,
  type LoadOptions,
  type LoadProgress,
  type PromptOptions,
  type TokenMessage,
  toValleyError,
  ValleyError,
} from '../protocol'
import { EventStream } from '../runtime/event-stream'
import { Ledger } from '../runtime/ledger'
import { limitThreads, wasmThreads } from '../runtime/ort'
import { ClipStore, type HeldClip } from './clips'
import { forceAnswer, scoreText } from './force'
import { type GenerateEvent, generate } from './generate'
import { JobQueue } from './job-queue'
import { KeptPrefixes } from './kept-prefixes'
import type { LoadedModel } from './loaded-model'
import { loadModel } from './model'
import { type Random, seededRandom } from './sampling'
import { commonPrefix } from './splice'
import { idleWarmUp, warmUp } from './warm-up'

export class LanguageEngine implements LanguageApi {
  readonly #ledger = new Ledger()
  readonly #queue = new JobQueue()
  readonly #clips = new ClipStore(this.#ledger)
  #model: LoadedModel | undefined
  /** null: nothing is kept between visits. */
  #kept: KeptPrefixes | null = null
  /** What is left of it. */
  #idleWarmUp: (() => Promise<void>)[] = []

  load(options: LoadOptions, onProgress: (progress: LoadProgress) => void): Promise<LanguageInfo> {
    return this.#queue.run(async () => {
      const started = performance.now()
      await this.#unload()
      if (options.threads) limitThreads(options.threads)
      const model = await loadModel(options, this.#ledger, onProgress).catch((thrown) => {
        throw toValleyError(thrown, thrown instanceof RangeError ? 'out-of-memory' : 'internal', { stage: 'load' })
      })
      this.#model = model
      this.#kept = options.keepClips ? new KeptPrefixes(model.identity) : null
      onProgress({ stage: 'warm-up', done: 0, total: 1 })
      const { sequence } = await model.prefix(null, {})
      const begun = performance.now()
      await warmUp(model, sequence, model.backend)
      this.#idleWarmUp = idleWarmUp(model, model.backend, (performance.now() - begun) / sequence.keys.length)
      onProgress({ stage: 'warm-up', done: 1, total: 1 })
      return {
        packId: model.packId,
        backend: model.backend,
        threads: wasmThreads(),
        contextTokens: model.contextTokens,
        maxBeams: model.maxBeams,
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
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const clip = await this.#clip(clipId, signal)
    return this.#queue.run(async () => {
      const model = this.#loaded()
      const scores: number[] = []
      for (const text of texts) {
        const ids = model.tokenizer.encode(text)
        const limit = model.contextTokens - ids.length
        const { sequence, boundaries } = await model.compose(clip, { turns: [], question }, options, limit)
        // A text of no tokens has no mean; it must not rank above one that has.
        const none = Number.NEGATIVE_INFINITY
        scores.push(ids.length === 0 ? none : await scoreText(model, sequence, ids, boundaries, signal))
      }
      return scores
    }, signal)
  }

  async force(
    clipId: string | null,
    question: string,
    ids: readonly number[],
    options: PromptOptions,
    signal: AbortSignal,
  ): Promise<readonly ForcedToken[]> {
    const clip = await this.#clip(clipId, signal)
    return this.#queue.run(async () => {
      const model = this.#loaded()
      const limit = model.contextTokens - ids.length
      const { sequence, boundaries } = await model.compose(clip, { turns: [], question }, options, limit)
      return forceAnswer(model, sequence, ids, boundaries, signal)
    }, signal)
  }

  async prepare(clipId: string, options: PromptOptions, signal: AbortSignal): Promise<void> {
    const clip = await this.#clips.get(clipId, signal)
    await this.#queue.run(async () => {
      const model = this.#loaded()
      const { context } = model
      const prefix = await model.prefix(clip, options)
      const { sequence, boundaries } = prefix
      await this.#kept?.restore(context, prefix)
      // A conversation about this clip may already hold more than its prefix.
      if (commonPrefix(context.keys, sequence.keys) < sequence.keys.length) {
        await context.fill(sequence, sequence.keys.length, { boundaries, signal })
      }
      await this.#kept?.keep(context, prefix)
    }, signal)
  }

  forget(clipId: string): void {
    this.#clips.forget(clipId)
  }

  async warmUp(): Promise<boolean> {
    const step = this.#idleWarmUp.shift()
    if (step) await this.#queue.run(step)
    return this.#idleWarmUp.length > 0
  }

  ledger() {
    return this.#ledger.snapshot()
  }

  gpuMemory() {
    return this.#ledger.gpuMemory()
  }

  /** Ends the session and frees the KV cache, the device and the clips' tokens, after whatever runs. */
  async dispose(): Promise<void> {
    await this.#queue.run(() => this.#unload())
    this.#clips.clear()
  }

  async #unload(): Promise<void> {
    const model = this.#model
    this.#model = undefined
    this.#idleWarmUp = []
    await model?.dispose()
  }

  async #answer(request: AskRequest, signal: AbortSignal, push: (event: AnswerEvent) => void): Promise<void> {
    const asked = performance.now()
    const clip = await this.#clip(request.clipId, signal)
    await this.#queue.run(async () => {
      const model = this.#loaded()
      const options = { ...model.generation, ...request.options }
      const beams = beamsOf(options, model.maxBeams)
      // An answer may take half of the context at most, else a question could never fit.
      const budget = Math.max(1, Math.min(options.maxNewTokens, model.contextTokens >> 1))
      const limit = model.contextTokens - budget
      const composed = await model.compose(clip, request, options, limit)
      const { sequence, prefix, boundaries, droppedTurns, quotes } = composed
      const promptTokens = sequence.keys.length
      const kept = clip && !request.once ? this.#kept : null
      await kept?.restore(model.context, prefix)
      // Beams share what the cache has beyond the prompt: enough for each, unless a longer answer than the pack's is asked for.
      const maxNewTokens = Math.min(budget, Math.floor((model.capacity - promptTokens) / beams))
      const ids: number[] = []
      let firstText: number | undefined
      const emit = (event: GenerateEvent) => {
        if (event.type === 'prefill' || event.type === 'draft') return push(event)
        if (event.type === 'token') ids.push(event.id)
        if (event.text !== '') {
          firstText ??= performance.now()
          push({ type: 'text', text: event.text })
        }
        if (event.type === 'token') return
        const { reusedTokens, newTokens, prefillMs, decodeMs } = event.stats
        push({
          type: 'done',
          reason: event.reason,
          ids,
          stats: {
            promptTokens,
            reusedTokens,
            newTokens,
            timeToFirstToken: (firstText ?? performance.now()) - asked,
            prefillMs,
            tokensPerSecond: newTokens > 1 ? (1000 * (newTokens - 1)) / decodeMs : 0,
            backend: model.backend,
            droppedTurns,
            beams,
            quotes,
          },
        })
      }
      const search = { beams, lengthPenalty: options.lengthPenalty }
      const random = randomOf(options.seed)
      await generate(model, sequence, { sampling: options, search, random, maxNewTokens, boundaries, signal }, emit)
      await kept?.keep(model.context, prefix)
    }, signal)
  }

  #loaded(): LoadedModel {
    if (this.#model) return this.#model
    throw new ValleyError('internal', { stage: 'language' }, { message: 'no pack is loaded' })
  }

  #clip(clipId: string | null, signal: AbortSignal): Promise<HeldClip | null> {
    return clipId === null ? Promise.resolve(null) : this.#clips.get(clipId, signal)
  }
}

/** Beams of an answer: whole, 1 to `maxBeams`; sampling has one. */
function beamsOf(
  { temperature, beams }: Required<Pick<GenerationOptions, 'temperature' | 'beams'>>,
  maxBeams: number,
): number {
  return temperature === 0 ? Math.max(1, Math.min(maxBeams, Math.round(beams))) : 1
}

function randomOf(seed: number | undefined): Random {
  return seededRandom(seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0)
}
