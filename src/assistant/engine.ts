import * as Comlink from 'comlink'
import {
  type Backend,
  type ClipSource,
  type EncodedClip,
  type EncodeEvent,
  type EncodeOptions,
  type GpuMemory,
  type GraphFlavour,
  type HubPooling,
  hubRepository,
  type LanguageApi,
  type LanguageInfo,
  type LedgerSnapshot,
  type LoadOptions,
  ValleyError,
  type VisionApi,
  type VisionInfo,
} from '../../workers/protocol'
import { FigureLog } from '../performance/figures'
import { Component, type ComponentState } from './component'
import { deferred } from './deferred'
import { loadPack } from './load-pack'
import { type OpenClip, OpenClips } from './open-clips'
import { isCode, Questions } from './questions'
import { ToldQuestions } from './told-questions'
import type { WorkerClient } from './worker-client'

export type EngineState = {
  /** Of the pack that is loaded, or being loaded. */
  readonly packUrl: string
  /** How a pack of the hub pools clips; null: as that pack has it by itself. */
  readonly pooling: HubPooling | null
  /** The person stopped the loading. */
  readonly paused: boolean
  readonly vision: ComponentState<VisionInfo>
  readonly language: ComponentState<LanguageInfo>
}

export type EngineOptions = {
  /** Absolute URL of pack.json, or hubAddress of a repository that is held here. */
  readonly packUrl: string
  /** How a pack of the hub pools clips; as that pack has it by itself where absent. */
  readonly pooling?: HubPooling
  /** Absolute URL of the folder with the app's own packs. */
  readonly basesUrl?: string
  readonly visionBackend?: Backend
  readonly languageBackend?: Backend
  /** Forces a decoder graph. */
  readonly languageFlavour?: GraphFlavour
  /** Keeps what clips become between visits; true where absent. */
  readonly keepClips?: boolean
  /** Remembers, beyond this page, the pack whose loading the person stopped. */
  readonly pauses?: Pauses
  /** Uses the time until a clip or a question comes to make both faster; true where absent. */
  readonly warmUp?: boolean
  readonly startVision: () => WorkerClient<VisionApi>
  readonly startLanguage: () => WorkerClient<LanguageApi>
}

/** `remember`: null where nothing is stopped any more. */
export type Pauses = { has(packUrl: string): boolean; remember(packUrl: string | null): void }

export type Ledgers = { readonly vision: LedgerSnapshot; readonly language: LedgerSnapshot }
export type WorkerName = 'vision' | 'language'
type SharedApi = Pick<VisionApi, 'ledger' | 'gpuMemory' | 'warmUp'>

/**
 * Owns both workers and the channel between them, and hides their mishaps: a dead worker is started anew, a lost
 * device loaded again, tokens that went with either are encoded again. What was being answered rejects; what was
 * waiting goes on waiting.
 */
export class Engine {
  /** What the events of clips and answers tell of themselves. */
  readonly figures = new FigureLog()
  readonly #vision: Component<VisionApi, VisionInfo>
  readonly #language: Component<LanguageApi, LanguageInfo>
  readonly #clips = new OpenClips((clip, signal) => this.#encodeTwice(clip, signal))
  readonly #questions: Questions
  readonly #told: ToldQuestions
  readonly #listeners = new Set<() => void>()
  readonly #pauses: Pauses | undefined
  #packUrl: string
  #pooling: HubPooling | null
  #paused = false
  /** Since the first question the processor is the language worker's. */
  #asked = false
  #state: EngineState

  constructor(options: EngineOptions) {
    const { basesUrl, visionBackend, languageBackend, languageFlavour: flavour } = options
    const { keepClips = true, warmUp = true } = options
    this.#packUrl = options.packUrl
    this.#pooling = options.pooling ?? null
    this.#pauses = options.pauses
    const onChange = () => this.#changed()
    // A worker may die of its threads: they take memory, of which there may not be enough.
    const load = (backend: Backend | undefined, lastTry: boolean): LoadOptions => ({
      packUrl: this.#packUrl,
      keepClips,
      ...(warmUp ? {} : { warmUp }),
      ...(basesUrl ? { basesUrl } : {}),
      ...(backend ? { backend } : {}),
      ...(lastTry ? { threads: 1 } : {}),
    })
    this.#vision = new Component<VisionApi, VisionInfo>({
      start: options.startVision,
      load: (client, onProgress, lastTry) => loadPack(client, load(visionBackend, lastTry), onProgress),
      onStart: (client) => {
        this.#connect()
        if (warmUp) void this.#warmUp(client)
      },
      onLoss: () => {},
      onChange,
    })
    this.#language = new Component<LanguageApi, LanguageInfo>({
      start: options.startLanguage,
      load: (client, onProgress, lastTry) =>
        loadPack(client, { ...load(languageBackend, lastTry), ...(flavour ? { flavour } : {}) }, onProgress),
      onStart: () => {
        this.#connect()
        this.#clips.encodeLost()
      },
      onLoss: () => this.#clips.lose(),
      onChange,
    })
    this.#questions = new Questions(this.#language, this.#clips)
    this.#told = new ToldQuestions(this.#questions, this.#vision, (...call) => this.embedTexts(...call))
    this.#state = this.#snapshot()
  }

  /**
   * Starts both workers and loads the pack, unless the person stopped that at a visit before. Progress and failures show
   * in `state`.
   */
  start(): void {
    this.#paused = this.#pauses?.has(this.#packUrl) ?? false
    if (!this.#paused) {
      this.#vision.start()
      this.#language.start()
    } else this.#changed()
  }

  /** Goes on with a loading that was paused. */
  resume(): void {
    this.#pauses?.remember(null)
    this.start()
  }

  /**
   * Ends both workers until `start`, for another tab to have the engine. What is being answered rejects with
   * `engine-elsewhere`; what waits goes on waiting, and clips are encoded again.
   */
  suspend(): void {
    this.#paused = false
    const reason = new ValleyError('engine-elsewhere')
    this.#vision.suspend(reason)
    this.#language.suspend(reason)
  }

  /** Stops the loading until `resume`, without losing what came of the pack's files. Nothing where it is loaded. */
  pause(): void {
    if (this.#vision.state.status !== 'loading' && this.#language.state.status !== 'loading') return
    this.suspend()
    this.#paused = true
    this.#pauses?.remember(this.#packUrl)
    this.#changed()
  }

  /**
   * Loads another pack in place of this one, after what is being answered. The clips are encoded again with it.
   * @param pooling  as `setPooling`
   */
  async changePack(packUrl: string, pooling: HubPooling | null = null): Promise<void> {
    await this.#questions.between(() => {
      if (packUrl === this.#packUrl) return this.#pool(pooling)
      this.#packUrl = packUrl
      this.#pooling = pooling
      this.#clips.lose()
      // Suspended or paused, it waits for `start` as before.
      if (!this.#vision.client || !this.#language.client) return this.#changed()
      this.#vision.start()
      this.#language.start()
    })
  }

  /**
   * Has a pack of the hub pool clips in another way from now on, after what is being answered; those that are open are
   * encoded again. Nothing else is loaded anew. null: as the pack has it by itself. A pack of our own has its one way.
   */
  async setPooling(pooling: HubPooling | null): Promise<void> {
    await this.#questions.between(() => this.#pool(pooling))
  }

  get state(): EngineState {
    return this.#state
  }

  /** Calls `listener` after each change of `state`; returns the way to stop that. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Starts again whatever failed to load. */
  retry(): void {
    if (this.#vision.state.status === 'failed') this.#vision.retry()
    if (this.#language.state.status === 'failed') this.#language.retry()
  }

  /**
   * Opens and encodes a clip; its tokens then stand in the language worker under `options.clipId` until `forget`.
   * A dead worker or lost device is tolerated once: the events then begin anew with `opened`.
   * @param onAgain  told what the tokens are now, whenever they are made again: pooled in another way, or after they were lost
   * @throws ValleyError as VisionApi.encode
   */
  async *encode(
    source: ClipSource,
    options: EncodeOptions,
    signal: AbortSignal,
    onAgain?: (encoded: EncodedClip) => void,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const done = deferred<void>()
    done.promise.catch(() => {})
    const clip: OpenClip = { source, options, onAgain, held: false, encoding: done.promise }
    let encoded = false
    this.#clips.add(clip)
    try {
      for await (const event of this.#encodeTwice(clip, signal)) {
        // Before it is passed on: a consumer may leave at this event, or stay at it while the tokens are lost again.
        if (event.type === 'encoded') {
          encoded = true
          clip.held = true
          clip.encoding = null
          done.resolve()
        }
        yield event
      }
    } catch (thrown) {
      done.reject(thrown)
      throw thrown
    } finally {
      if (!encoded && this.#clips.get(options.clipId) === clip) this.#clips.remove(options.clipId)
      // Left early by its consumer: neither encoded nor failed.
      done.reject(new ValleyError('aborted'))
    }
  }

  prepare: Questions['prepare'] = (...call) => this.#questions.prepare(...call)
  ask: Questions['ask'] = (request, signal) => {
    this.#asked = true
    return this.figures.watchAnswer(request.clipId, this.#told.ask(request, signal))
  }
  score: Questions['score'] = (...call) => this.#told.score(...call)
  force: Questions['force'] = (...call) => this.#told.force(...call)

  /** CLIP vectors of texts, [texts, size] row-major. @throws as VisionApi.embedTexts, and `worker-died` */
  embedTexts = async (texts: readonly string[], signal: AbortSignal): Promise<Float32Array> => {
    const client = await this.#vision.whenReady(signal)
    return client.callUntil((remote, s) => remote.embedTexts(texts, s), signal)
  }

  /** Lets go of a clip: its tokens and whatever was prefilled from them. */
  forget(clipId: string): void {
    this.#clips.remove(clipId)
    this.#told.forget(clipId)
    const client = this.#language.client
    void client?.call((remote) => remote.forget(clipId)).catch(() => {})
  }

  /** Live resources of both workers. @throws ValleyError `worker-died` */
  async ledgers(): Promise<Ledgers> {
    const both = await this.#ofBoth((remote) => remote.ledger())
    return both ?? { vision: {}, language: {} }
  }

  /** GPU memory of both workers; null while there are none. @throws ValleyError `worker-died` */
  gpuMemory(): Promise<Record<WorkerName, GpuMemory> | null> {
    return this.#ofBoth((remote) => remote.gpuMemory())
  }

  /** Ends a worker from outside, as a crash would. The engine starts it anew. */
  killWorker(name: WorkerName): void {
    const component = name === 'vision' ? this.#vision : this.#language
    component.client?.terminate('killed')
  }

  /** Destroys the vision worker's GPU device, as a driver reset would. */
  async loseDevice(): Promise<void> {
    await this.#vision.client?.call((remote) => remote.loseDevice())
  }

  /** Ends both workers for good. */
  close(): void {
    this.#clips.clear()
    this.#vision.close()
    this.#language.close()
  }

  #pool(pooling: HubPooling | null): void {
    if (pooling === this.#pooling) return
    this.#pooling = pooling
    if (hubRepository(this.#packUrl) !== null) {
      if (this.#language.client) this.#clips.encodeAnew()
      else this.#clips.lose()
    }
    this.#changed()
  }

  /** What both workers answer to the same call; null while there are none. @throws ValleyError `worker-died` */
  async #ofBoth<T>(ask: (remote: Comlink.Remote<SharedApi>) => Promise<T>): Promise<Record<WorkerName, T> | null> {
    const { client: vision } = this.#vision
    const { client: language } = this.#language
    if (!vision || !language) return null
    const [v, l] = await Promise.all([vision.call(ask), language.call(ask)])
    return { vision: v, language: l }
  }

  async *#encodeTwice(clip: OpenClip, signal: AbortSignal): AsyncGenerator<EncodeEvent, void, undefined> {
    for (let attempt = 0; ; attempt++) {
      const client = await this.#vision.whenReady(signal)
      const options = this.#pooling ? { pooling: this.#pooling, ...clip.options } : clip.options
      try {
        for await (const event of client.stream((remote, s) => remote.encode(clip.source, options, s), signal)) {
          this.#told.watch(options.clipId, event)
          if (event.type === 'encoded') this.figures.addClip(event.clip)
          yield event
        }
        return
      } catch (thrown) {
        // Its turn comes again with the engine.
        if (isCode(thrown, 'engine-elsewhere')) attempt -= 1
        const lost = isCode(thrown, 'device-lost')
        if (lost) this.#vision.reload()
        if (attempt > 0 || !(lost || isCode(thrown, 'worker-died', 'engine-elsewhere'))) throw thrown
      }
    }
  }

  /** Gives both workers the ends of a fresh channel; they drop the one before. */
  #connect(): void {
    const vision = this.#vision.client
    const language = this.#language.client
    if (!vision || !language) return
    const { port1, port2 } = new MessageChannel()
    // A worker that dies meanwhile is connected again at its next start.
    vision.call((remote) => remote.connect(Comlink.transfer(port1, [port1]))).catch(() => {})
    language.call((remote) => remote.connect(Comlink.transfer(port2, [port2]))).catch(() => {})
  }

  /** Lets the workers use the time until a clip or a question comes, once nothing loads any more: a fresh vision worker first. */
  async #warmUp(fresh: WorkerClient<VisionApi>): Promise<void> {
    const { signal } = new AbortController()
    const language = await this.#language.whenReady(signal)
    if ((await this.#vision.whenReady(signal)) !== fresh) return
    const step = (remote: Comlink.Remote<SharedApi>) => remote.warmUp()
    for (const call of [() => fresh.call(step), () => language.call(step)]) {
      // One that dies meanwhile is warmed at its next start.
      let more = true
      while (more && !this.#asked && !this.#clips.encoding) more = await call().catch(() => false)
    }
  }

  #snapshot(): EngineState {
    return {
      packUrl: this.#packUrl,
      pooling: this.#pooling,
      paused: this.#paused,
      vision: this.#vision.state,
      language: this.#language.state,
    }
  }

  #changed(): void {
    this.#state = this.#snapshot()
    for (const listener of this.#listeners) listener()
  }
}
