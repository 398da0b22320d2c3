import * as Comlink from 'comlink'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type AnswerEvent,
  type AskRequest,
  type EncodeEvent,
  type LanguageApi,
  type TokenMessage,
  ValleyError,
  type VisionApi,
} from '../../workers/protocol'
import { Engine } from './engine'
import { WorkerClient, type WorkerLike } from './worker-client'

/** The page's end of a worker that lives in this thread: comlink over a real MessageChannel, ended by `terminate`. */
class LocalWorker extends EventTarget {
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

const client = <Api extends object>(name: string, api: Api) =>
  new WorkerClient<Api>(name, new LocalWorker(api) as unknown as WorkerLike)

const media = {
  kind: 'video',
  container: 'MP4',
  codec: 'avc1.42001f',
  width: 320,
  height: 180,
  rotation: 0,
  duration: 2,
} as const
const stats = {
  promptTokens: 10,
  reusedTokens: 0,
  newTokens: 2,
  timeToFirstToken: 5,
  prefillMs: 4,
  tokensPerSecond: 20,
  backend: 'wasm',
  droppedTurns: 0,
} as const

/** Both workers with the protocol's behaviour and none of its work; `mishaps` are consumed one a call. */
function world(mishaps: { vision?: ValleyError[]; language?: ValleyError[]; load?: ValleyError[] } = {}) {
  const log: string[] = []
  const startVision = () => {
    let port: MessagePort | undefined
    log.push('vision started')
    return client<VisionApi>('vision', {
      load: async () => {
        log.push('vision loaded')
        const error = mishaps.load?.shift()
        if (error) throw error
        return { packId: 'p', backend: 'wasm', adapter: '', loadMs: 1 }
      },
      connect: (p) => {
        port = p
      },
      encode: async function* (_file, options): AsyncGenerator<EncodeEvent, void, undefined> {
        yield { type: 'opened', media }
        const error = mishaps.vision?.shift()
        if (error) throw error
        const tokens = { clipId: options.clipId } as (TokenMessage & { type: 'tokens' })['tokens']
        port?.postMessage({ type: 'tokens', tokens } satisfies TokenMessage)
        const timings = { open: 1, decode: 1, encode: 1, total: 3 }
        const clip = { clipId: options.clipId, media, timestamps: [1], patchTokens: 16, frameTokens: 1 }
        log.push(`encoded ${options.clipId}`)
        yield { type: 'encoded', clip: { ...clip, backend: 'wasm', route: 'planes', timings } }
      },
      ledger: () => ({}),
      loseDevice: () => {},
    })
  }
  const startLanguage = () => {
    const held = new Set<string>()
    log.push('language started')
    return client<LanguageApi>('language', {
      load: async () => ({ packId: 'p', backend: 'wasm', threads: 1, contextTokens: 768, cached: true, loadMs: 1 }),
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
        yield { type: 'done', reason: 'end', stats }
      },
      score: async (_clipId, _question, texts) => texts.map((text) => -text.length),
      prepare: async () => {},
      forget: (clipId) => void held.delete(clipId),
      ledger: () => ({ 'kv-cache': held.size }),
    })
  }
  const engine = new Engine({ packUrl: 'https://test/pack.json', startVision, startLanguage })
  engines.push(engine)
  engine.start()
  return { engine, log }
}

const engines: Engine[] = []
afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
})

const never = () => new AbortController().signal
const clip = { clipId: 'one', name: 'one.mp4' }

async function encode(engine: Engine, signal = never()): Promise<string[]> {
  const types: string[] = []
  for await (const event of engine.encode(new Blob(['x']), clip, signal)) types.push(event.type)
  return types
}

async function ask(engine: Engine, question: string, clipId: string | null = 'one', signal = never()) {
  let text = ''
  for await (const event of engine.ask({ clipId, turns: [], question }, signal)) {
    if (event.type === 'text') text += event.text
  }
  return text
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof ValleyError ? thrown.code : thrown),
  )

describe('the way of a question', () => {
  test('a clip is encoded, its tokens cross, and it is answered about', async () => {
    const { engine } = world()
    expect(await encode(engine)).toEqual(['opened', 'encoded'])
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(engine.state).toMatchObject({ vision: { status: 'ready' }, language: { status: 'ready' } })
  })

  test('questions are answered one after the other', async () => {
    const { engine } = world()
    expect(await Promise.all(['a', 'b', 'c'].map((question) => ask(engine, question, null)))).toEqual(['A', 'B', 'C'])
  })

  test('stopping reaches the worker and frees the way for the next question', async () => {
    const { engine, log } = world()
    const stop = new AbortController()
    const endless = failure(ask(engine, 'endless', null, stop.signal))
    setTimeout(() => stop.abort(), 30)
    expect(await endless).toBe('aborted')
    expect(await ask(engine, 'next', null)).toBe('NEXT')
    expect(log).toContain('endless ended')
  })

  test('a clip that nobody opened is unknown', async () => {
    const { engine } = world()
    expect(await failure(ask(engine, 'what?', 'stranger'))).toBe('clip-unknown')
  })

  test('a forgotten clip leaves the language worker', async () => {
    const { engine } = world()
    await encode(engine)
    await ask(engine, 'what?')
    expect((await engine.ledgers()).language).toEqual({ 'kv-cache': 1 })
    engine.forget('one')
    expect((await engine.ledgers()).language).toEqual({ 'kv-cache': 0 })
  })
})

describe('mishaps', () => {
  test('killing the language worker rejects what waits; the next question finds its clip encoded again', async () => {
    const { engine, log } = world()
    await encode(engine)
    const endless = failure(ask(engine, 'endless'))
    await vi.waitFor(() => expect(engine.state.language.status).toBe('ready'))
    setTimeout(() => engine.killWorker('language'), 30)
    expect(await endless).toBe('worker-died')
    expect(await ask(engine, 'still there?')).toBe('STILL THERE?')
    expect(log.filter((line) => line === 'language started')).toHaveLength(2)
    expect(log.filter((line) => line === 'encoded one')).toHaveLength(2)
  })

  test('killing the vision worker while it encodes only begins the encoding anew', async () => {
    const { engine, log } = world()
    const types: string[] = []
    for await (const event of engine.encode(new Blob(['x']), clip, never())) {
      types.push(event.type)
      if (types.length === 1) engine.killWorker('vision')
    }
    expect(types).toEqual(['opened', 'opened', 'encoded'])
    expect(log.filter((line) => line === 'vision started')).toHaveLength(2)
    expect(await ask(engine, 'what?')).toBe('WHAT?')
  })

  test('a lost device is loaded again in the same worker', async () => {
    const { engine, log } = world({ vision: [new ValleyError('device-lost')] })
    expect(await encode(engine)).toEqual(['opened', 'opened', 'encoded'])
    expect(log.filter((line) => line === 'vision started')).toHaveLength(1)
    expect(log.filter((line) => line === 'vision loaded')).toHaveLength(2)
  })

  test('a device lost twice over one clip is reported', async () => {
    const { engine } = world({ vision: [new ValleyError('device-lost'), new ValleyError('device-lost')] })
    expect(await failure(encode(engine))).toBe('device-lost')
    expect(await encode(engine)).toEqual(['opened', 'encoded'])
  })

  test('an error of the clip itself is passed on with its data, without another try', async () => {
    const { engine, log } = world({ vision: [new ValleyError('clip-damaged', { stage: 'demux' })] })
    const thrown = await encode(engine).catch((reason: unknown) => reason)
    expect(thrown).toMatchObject({ code: 'clip-damaged', data: { stage: 'demux' } })
    expect(log.filter((line) => line.startsWith('vision'))).toEqual(['vision started', 'vision loaded'])
  })

  test('a failed load keeps callers waiting until it is tried again', async () => {
    const { engine } = world({ load: [new ValleyError('download-failed', { status: 503 })] })
    await vi.waitFor(() => expect(engine.state.vision.status).toBe('failed'))
    const types = encode(engine)
    engine.retry()
    expect(await types).toEqual(['opened', 'encoded'])
  })

  test('a worker that keeps dying is given up, with its reason', async () => {
    const { engine } = world()
    const dying = new Engine({
      packUrl: 'https://test/pack.json',
      startVision: () => {
        const started = client<VisionApi>('vision', {} as VisionApi)
        setTimeout(() => started.terminate('out of breath'), 1)
        return started
      },
      startLanguage: () => client<LanguageApi>('language', {} as LanguageApi),
    })
    engines.push(dying)
    dying.start()
    await vi.waitFor(() =>
      expect(dying.state.vision).toMatchObject({ status: 'failed', error: { code: 'worker-died' } }),
    )
    expect(await ask(engine, 'unharmed', null)).toBe('UNHARMED')
  })

  test('waiting for a load can be given up', async () => {
    const { engine } = world({ load: [new ValleyError('download-failed')] })
    const stop = new AbortController()
    const waiting = failure(encode(engine, stop.signal))
    stop.abort()
    expect(await waiting).toBe('aborted')
  })
})

describe('WorkerClient', () => {
  test('an error event rejects calls in flight and those that come after', async () => {
    const worker = new LocalWorker({ slow: () => new Promise(() => {}) })
    const slow = new WorkerClient<{ slow(): Promise<void> }>('vision', worker as unknown as WorkerLike)
    const call = failure(slow.call((remote) => remote.slow()))
    worker.dispatchEvent(Object.assign(new Event('error', { cancelable: true }), { message: 'no such module' }))
    expect(await call).toBe('worker-died')
    expect(await failure(slow.call((remote) => remote.slow()))).toBe('worker-died')
    expect(await slow.died).toMatchObject({ data: { worker: 'vision', detail: 'no such module' } })
  })

  test('leaving a stream early runs the producer to its finally', async () => {
    const ended = vi.fn()
    const api = {
      async *count(): AsyncGenerator<number, void, undefined> {
        try {
          for (let n = 0; ; n++) yield n
        } finally {
          ended()
        }
      },
    }
    const counter = client('vision', api)
    for await (const n of counter.stream((remote) => remote.count() as Promise<AsyncIterable<number>>, never())) {
      if (n === 2) break
    }
    await vi.waitFor(() => expect(ended).toHaveBeenCalledTimes(1))
    counter.terminate()
  })
})
