/**
 * The page's automation surface, `window.valley`: what `npm run ask` and the end-to-end tests drive the product
 * through, beside the screens themselves. It goes through the same engine and session as the screens; nothing here
 * reaches a worker by another way.
 */
import type {
  AnswerStats,
  AskRequest,
  ClipSource,
  EncodedClip,
  EncodeEvent,
  EncodeOptions,
  ForcedToken,
  LanguageInfo,
  PromptOptions,
  VisionInfo,
} from '../../workers/protocol'
import { ValleyError } from '../../workers/protocol'
import { errorToWire } from '../../workers/transfer'
import type { Engine, EngineState, Ledgers, WorkerName } from './engine'

export type AutomationAnswer = {
  readonly text: string
  readonly reason: 'end' | 'length'
  /** Its tokens, without the one that ends it. */
  readonly ids: readonly number[]
  readonly stats: AnswerStats
}

export type ValleyAutomation<Transcript = unknown> = {
  /** Load state of both components, with ValleyErrors as they are. */
  readonly engine: EngineState
  /** Resolves when both components are loaded. @throws ValleyError of the one that failed */
  ready(): Promise<{ readonly vision: VisionInfo; readonly language: LanguageInfo }>
  /** Live resources by worker; all zero (no entries) when no clip is open and nothing is loaded but the pack. */
  ledgers(): Promise<Ledgers>
  /** GPU memory that each worker's ledger counts, and the most that it was. */
  gpuMemory(): ReturnType<Engine['gpuMemory']>
  /** Encodes a file, or frames given as pictures, outside the screens; its tokens stay until `forget`. `onEvent` sees every event. */
  encode(source: ClipSource, options: EncodeOptions, onEvent?: (event: EncodeEvent) => void): Promise<EncodedClip>
  /** Asks outside the screens and gathers the answer; `request.options` may set whatever the pack's generation says. */
  ask(request: AskRequest): Promise<AutomationAnswer>
  /** Mean log p per token of each text as the answer about the clip. */
  score(
    clipId: string | null,
    question: string,
    texts: readonly string[],
    options?: PromptOptions,
  ): Promise<readonly number[]>
  /** The likeliest id and the given id's log p at every position of an answer about the clip. */
  force(
    clipId: string | null,
    question: string,
    ids: readonly number[],
    options?: PromptOptions,
  ): Promise<readonly ForcedToken[]>
  /** CLIP vectors of texts, [texts, size] row-major; `encode` gives the frames' with its `frame` events. */
  embedTexts(texts: readonly string[]): Promise<Float32Array>
  forget(clipId: string): void
  /** What the screens show: the clip, the turns with their figures, the errors. */
  transcript(): Transcript
  /** An error as plain data (code, data, message, cause), for drivers that can only pass JSON. */
  describeError(thrown: unknown): ReturnType<typeof errorToWire>
  /** Test hooks: a crash of a worker, a reset of the GPU driver. */
  killWorker(name: WorkerName): void
  loseDevice(): Promise<void>
}

declare global {
  var valley: ValleyAutomation
}

/** Puts the surface on `window`. */
export function exposeAutomation<Transcript>(engine: Engine, transcript: () => Transcript): void {
  const surface: ValleyAutomation<Transcript> = {
    get engine() {
      return engine.state
    },
    ready: () => whenReady(engine),
    ledgers: () => engine.ledgers(),
    gpuMemory: () => engine.gpuMemory(),
    encode: async (source, options, onEvent) => {
      for await (const event of engine.encode(source, options, new AbortController().signal)) {
        onEvent?.(event)
        if (event.type === 'encoded') return event.clip
      }
      throw new ValleyError('internal', { detail: 'the stream ended without `encoded`' })
    },
    ask: async (request) => {
      let text = ''
      for await (const event of engine.ask(request, new AbortController().signal)) {
        if (event.type === 'text') text += event.text
        if (event.type === 'done') return { text, reason: event.reason, ids: event.ids, stats: event.stats }
      }
      throw new ValleyError('internal', { detail: 'the stream ended without `done`' })
    },
    score: (clipId, question, texts, options = {}) =>
      engine.score(clipId, question, texts, options, new AbortController().signal),
    force: (clipId, question, ids, options = {}) =>
      engine.force(clipId, question, ids, options, new AbortController().signal),
    embedTexts: (texts) => engine.embedTexts(texts, new AbortController().signal),
    forget: (clipId) => engine.forget(clipId),
    transcript,
    describeError: errorToWire,
    killWorker: (name) => engine.killWorker(name),
    loseDevice: () => engine.loseDevice(),
  }
  globalThis.valley = surface
}

function whenReady(engine: Engine): Promise<{ vision: VisionInfo; language: LanguageInfo }> {
  return new Promise((resolve, reject) => {
    const unsubscribe = engine.subscribe(check)
    function check() {
      const { vision, language } = engine.state
      if (vision.status === 'ready' && language.status === 'ready') {
        unsubscribe()
        resolve({ vision: vision.info, language: language.info })
      }
      for (const { status, ...rest } of [vision, language]) {
        if (status !== 'failed' || !('error' in rest)) continue
        unsubscribe()
        reject(rest.error)
      }
    }
    check()
  })
}
