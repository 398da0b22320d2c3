/**
 * Stand-in workers: they keep the protocol's promises and do none of its work, in this thread, over real comlink. For
 * tests of the page's engine and screens, whose mishaps and pauses real workers could not be made to have on demand.
 */
import * as Comlink from 'comlink'
import { Engine, type Pauses, type WorkerName } from '../../src/assistant/engine'
import { WorkerClient, type WorkerLike } from '../../src/assistant/worker-client'
import {
  type AnswerEvent,
  type AskRequest,
  type EncodeEvent,
  type LanguageApi,
  type TokenMessage,
  ValleyError,
  type VisionApi,
} from '../../workers/protocol'
import { encodedSample, samplePack as pack, sampleMedia, sampleStats as stats } from '../fixtures/sample'

/** The page's end of a worker that lives in this thread: comlink over a real MessageChannel, ended by `terminate`. */
export class LocalWorker extends EventTarget {
  readonly #port: MessagePort
  readonly #far: MessagePort
  constructor(api: object) {
    super()
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#far = port2
    Comlink.expose(api, port2 as unknown as Comlink.Endpoint)
    port1.onmessage = ({ data }) => this.dispatchEvent(new MessageEvent('message', { data }))
  }
  postMessage(message: unknown, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer)
  }
  start(): void {}
  terminate(): void {
    this.#port.close()
    this.#far.close()
  }
}

export const localClient = <Api extends object>(name: string, api: Api) =>
  new WorkerClient<Api>(name, new LocalWorker(api) as unknown as WorkerLike)

const media = sampleMedia(2)
const timestamps = [0.5, 1.5]
/** One grey pixel, as a GIF. */
const thumbnail = new Blob(
  [Uint8Array.from(atob('R0lGODlhAQABAIAAAH9/fwAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=='), (c) => c.charCodeAt(0))],
  { type: 'image/gif' },
)
/** CLIP vectors: one axis a frame, and one for all that is not in the clip. */
const axis = (index: number) => Float32Array.from([0, 1, 2, 3], (at) => (at === index ? 1 : 0))
const meant = (text: string) => (/first/i.test(text) ? 0 : /second/i.test(text) ? 1 : 3)
/** A promise: of an error, or of none, that comes when the test wants it. */
export type Mishaps = {
  vision?: (ValleyError | Promise<ValleyError | undefined> | undefined)[]
  language?: ValleyError[]
  load?: ValleyError[]
  /** A step of a worker's warm-up; whether there is another. None where absent. */
  warmUp?: (worker: WorkerName) => Promise<boolean>
  /** The pack compares no words with frames and weighs no several answers, as those of the hub. */
  plain?: true
}

/** An engine over stand-in workers, started; `mishaps` are consumed one a call, `log` tells what the workers did. */
export function standInEngine(mishaps: Mishaps = {}, pauses?: Pauses): { engine: Engine; log: string[] } {
  const log: string[] = []
  const startVision = () => {
    let port: MessagePort | undefined
    log.push('vision started')
    return localClient<VisionApi>('vision', {
      load: async () => {
        log.push('vision loaded')
        const error = mishaps.load?.shift()
        if (error) throw error
        return {
          packId: 'p',
          backend: 'wasm',
          adapter: '',
          embedsTexts: !mishaps.plain,
          tellsOrder: !mishaps.plain,
          loadMs: 1,
        }
      },
      connect: (p) => {
        port = p
      },
      warmUp: async () => mishaps.warmUp?.('vision') ?? false,
      encode: async function* (_file, options): AsyncGenerator<EncodeEvent, void, undefined> {
        yield { type: 'opened', media, pack, fromCache: false }
        const error = await mishaps.vision?.shift()
        if (error) throw error
        yield { type: 'planned', timestamps }
        for (const [index, timestamp] of timestamps.entries()) {
          yield { type: 'frame', index, timestamp, thumbnail, vector: axis(index) }
        }
        const tokens = { clipId: options.clipId } as (TokenMessage & { type: 'tokens' })['tokens']
        port?.postMessage({ type: 'tokens', tokens } satisfies TokenMessage)
        log.push(`encoded ${options.clipId}${options.pooling ? ` by ${options.pooling}` : ''}`)
        const { pooling } = options
        const encoded = { ...encodedSample(options.clipId, media, timestamps), ...(pooling ? { pooling } : {}) }
        yield { type: 'encoded', clip: encoded }
      },
      embedTexts: async (texts) => {
        if (mishaps.plain) throw new ValleyError('no-text-tower')
        return Float32Array.from(texts.flatMap((text) => [...axis(meant(text))]))
      },
      ledger: () => ({}),
      gpuMemory: () => ({ bytes: 0, peakBytes: 0 }),
      loseDevice: () => {},
    })
  }
  const startLanguage = () => {
    const held = new Set<string>()
    log.push('language started')
    return localClient<LanguageApi>('language', {
      load: async () => ({
        packId: 'p',
        backend: 'wasm',
        threads: 1,
        contextTokens: 768,
        maxBeams: mishaps.plain ? 1 : 3,
        cached: true,
        loadMs: 1,
      }),
      warmUp: async () => mishaps.warmUp?.('language') ?? false,
      connect: (port) => {
        port.onmessage = ({ data }: MessageEvent<TokenMessage>) =>
          data.type === 'tokens' ? held.add(data.tokens.clipId) : held.delete(data.clipId)
      },
      ask: async function* (request: AskRequest, signal): AsyncGenerator<AnswerEvent, void, undefined> {
        if (request.clipId !== null && !held.has(request.clipId)) throw new ValleyError('clip-unknown')
        yield { type: 'prefill', done: 1, total: 1 }
        const error = mishaps.language?.shift()
        if (error) throw error
        if (request.question === 'endless') {
          while (!signal.aborted) {
            yield { type: 'text', text: 'on and ' }
            await new Promise((resolve) => setTimeout(resolve, 1))
          }
          log.push('endless ended')
          throw new ValleyError('aborted')
        }
        yield { type: 'text', text: request.question.toUpperCase() }
        yield { type: 'done', reason: 'end', ids: [1, 2], stats }
      },
      score: async (_clipId, _question, texts) => texts.map((text) => -text.length),
      force: async (_clipId, _question, ids) => ids.map((id) => ({ top: id, logP: 0 })),
      prepare: async () => {},
      forget: (clipId) => void held.delete(clipId),
      ledger: () => ({ 'kv-cache': held.size }),
      gpuMemory: () => ({ bytes: 0, peakBytes: 0 }),
    })
  }
  const engine = new Engine({
    packUrl: 'https://test/pack.json',
    ...(pauses ? { pauses } : {}),
    startVision,
    startLanguage,
  })
  engine.start()
  return { engine, log }
}
