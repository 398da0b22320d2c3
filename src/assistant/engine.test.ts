import { afterEach, describe, expect, test, vi } from 'vitest'
import { LocalWorker, localClient, type Mishaps, standInEngine } from '../../tests/browser/page-stand-in'
import { hubAddress, type LanguageApi, ValleyError, type VisionApi } from '../../workers/protocol'
import { deferred } from './deferred'
import { Engine, type Pauses } from './engine'
import { WorkerClient, type WorkerLike } from './worker-client'

const engines: Engine[] = []
function world(mishaps?: Mishaps, pauses?: Pauses) {
  const started = standInEngine(mishaps, pauses)
  engines.push(started.engine)
  return started
}

afterEach(() => {
  for (const engine of engines.splice(0)) engine.close()
})

const never = () => new AbortController().signal
const clip = { clipId: 'one', name: 'one.mp4' }

async function encode(engine: Engine, signal = never()): Promise<string[]> {
  const types: string[] = []
  for await (const event of engine.encode(new Blob(['x']), clip, signal)) {
    if (event.type === 'opened' || event.type === 'encoded') types.push(event.type)
  }
  return types
}

async function ask(
  engine: Engine,
  question: string,
  clipId: string | null = 'one',
  signal = never(),
  onText = () => {},
) {
  let text = ''
  for await (const event of engine.ask({ clipId, turns: [], question }, signal)) {
    if (event.type !== 'text') continue
    text += event.text
    onText()
  }
  return text
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof ValleyError ? thrown.code : thrown),
  )

/** An answer that goes on until it is ended from outside: resolves, once it is being written, with a promise of its end. */
async function askEndlessly(engine: Engine, clipId: string | null, signal = never()) {
  const begun = deferred<void>()
  const ended = failure(ask(engine, 'endless', clipId, signal, () => begun.resolve()))
  await begun.promise
  return { ended }
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000 })
/** Time enough for what must not happen. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 30))

describe('the way of a question', () => {
  test('a clip is encoded, its tokens cross, and it is answered about', async () => {
    const { engine } = world()
    expect(await encode(engine)).toEqual(['opened', 'encoded'])
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(engine.state).toMatchObject({ vision: { status: 'ready' }, language: { status: 'ready' } })
  })

  test('texts asked for before the pack is loaded are embedded once it is; a stop reaches those that wait', async () => {
    const { engine } = world()
    const stop = AbortSignal.abort()
    const [vectors, stopped] = await Promise.all([
      engine.embedTexts(['a', 'b'], never()),
      failure(engine.embedTexts(['c'], stop)),
    ])
    expect(vectors).toHaveLength(8)
    expect(stopped).toBe('aborted')
  })

  test('questions are answered one after the other', async () => {
    const { engine } = world()
    expect(await Promise.all(['a', 'b', 'c'].map((question) => ask(engine, question, null)))).toEqual(['A', 'B', 'C'])
  })

  test('stopping reaches the worker and frees the way for the next question', async () => {
    const { engine, log } = world()
    const stop = new AbortController()
    const { ended } = await askEndlessly(engine, null, stop.signal)
    stop.abort()
    expect(await ended).toBe('aborted')
    expect(await ask(engine, 'next', null)).toBe('NEXT')
    await eventually(() => expect(log).toContain('endless ended'))
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
    const { ended } = await askEndlessly(engine, 'one')
    engine.killWorker('language')
    expect(await ended).toBe('worker-died')
    expect(await ask(engine, 'still there?')).toBe('STILL THERE?')
    expect(log.filter((line) => line === 'language started')).toHaveLength(2)
    expect(log.filter((line) => line === 'encoded one')).toHaveLength(2)
  })

  test('killing the vision worker while it encodes only begins the encoding anew', async () => {
    const { engine, log } = world()
    const types: string[] = []
    for await (const event of engine.encode(new Blob(['x']), clip, never())) {
      if (event.type === 'opened' || event.type === 'encoded') types.push(event.type)
      if (types.length === 1 && event.type === 'opened') engine.killWorker('vision')
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
    await eventually(() => expect(engine.state.vision.status).toBe('failed'))
    const types = encode(engine)
    engine.retry()
    expect(await types).toEqual(['opened', 'encoded'])
  })

  test('a worker that keeps dying is given up, with its reason', async () => {
    const { engine } = world()
    const dying = new Engine({
      packUrl: 'https://test/pack.json',
      startVision: () => {
        const started = localClient<VisionApi>('vision', {} as VisionApi)
        setTimeout(() => started.terminate('out of breath'), 1)
        return started
      },
      startLanguage: () => localClient<LanguageApi>('language', {} as LanguageApi),
    })
    engines.push(dying)
    dying.start()
    await eventually(() =>
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

describe('another tab', () => {
  test('takes the engine: the answer ends, what waits goes on waiting, and both come back with the engine', async () => {
    const { engine, log } = world()
    await encode(engine)
    const { ended } = await askEndlessly(engine, 'one')
    engine.suspend()
    expect(await ended).toBe('engine-elsewhere')
    expect(engine.state).toMatchObject({ vision: { status: 'loading' }, language: { status: 'loading' } })
    const waiting = ask(engine, 'what?')
    await aWhile()
    expect(log.filter((line) => line === 'language started')).toHaveLength(1)
    engine.start()
    expect(await waiting).toBe('WHAT?')
    expect(log.filter((line) => line === 'encoded one')).toHaveLength(2)
  })

  test('takes the engine while a clip is encoded: the encoding begins anew when it comes back, however often', async () => {
    const { engine } = world()
    const types: string[] = []
    let taken = 0
    for await (const event of engine.encode(new Blob(['x']), clip, never())) {
      if (event.type === 'opened' || event.type === 'encoded') types.push(event.type)
      if (event.type !== 'opened' || ++taken > 2) continue
      engine.suspend()
      setTimeout(() => engine.start(), 10)
    }
    expect(types).toEqual(['opened', 'opened', 'opened', 'encoded'])
  })
})

test('loading that was paused goes on when it is told to, and what waited is answered', async () => {
  const { engine, log } = world()
  const waiting = ask(engine, 'what?', null)
  engine.pause()
  expect(engine.state.paused).toBe(true)
  await aWhile()
  expect(engine.state).toMatchObject({ vision: { status: 'loading' }, language: { status: 'loading' } })
  engine.resume()
  expect(await waiting).toBe('WHAT?')
  expect(engine.state.paused).toBe(false)
  engine.pause()
  expect(engine.state).toMatchObject({ paused: false, language: { status: 'ready' } })
  expect(log.filter((line) => line === 'language started')).toHaveLength(2)
})

test('loading that was paused at a visit before stays so until it is told to go on', async () => {
  let kept: string | null = null
  const pauses = {
    has: (packUrl: string) => packUrl === kept,
    remember: (packUrl: string | null) => {
      kept = packUrl
    },
  }
  world({}, pauses).engine.pause()
  const { engine, log } = world({}, pauses)
  expect(engine.state.paused).toBe(true)
  const waiting = ask(engine, 'what?', null)
  await aWhile()
  expect(log).toEqual([])
  engine.resume()
  expect(await waiting).toBe('WHAT?')
  expect(world({}, pauses).engine.state.paused).toBe(false)
})

test('another pack is loaded after the answer under way, and the clips are encoded with it', async () => {
  const { engine, log } = world()
  await encode(engine)
  const first = ask(engine, 'first')
  const switched = engine.changePack('https://test/other/pack.json')
  const second = ask(engine, 'second')
  expect(await first).toBe('FIRST')
  await switched
  expect(engine.state.packUrl).toBe('https://test/other/pack.json')
  expect(await second).toBe('SECOND')
  expect(log.filter((line) => line === 'vision loaded')).toHaveLength(2)
  expect(log.filter((line) => line === 'encoded one')).toHaveLength(2)
  await engine.changePack('https://test/other/pack.json')
  expect(log.filter((line) => line === 'vision started')).toHaveLength(2)
  engine.suspend()
  await engine.changePack('https://test/third/pack.json')
  expect(engine.state.packUrl).toBe('https://test/third/pack.json')
  expect(log.filter((line) => line === 'vision started')).toHaveLength(2)
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
    const counter = localClient('vision', api)
    for await (const n of counter.stream((remote) => remote.count() as Promise<AsyncIterable<number>>, never())) {
      if (n === 2) break
    }
    await eventually(() => expect(ended).toHaveBeenCalledTimes(1))
    counter.terminate()
  })
})

describe('a pack of the hub', () => {
  test('pools clips in another way from then on: those that are open anew, and nothing is loaded again', async () => {
    const { engine, log } = world()
    await engine.changePack(hubAddress('someone/model'), 'mean')
    await encode(engine)
    expect(log.at(-1)).toBe('encoded one by mean')
    const loads = log.filter((line) => line.endsWith('loaded')).length
    await engine.setPooling('importance')
    expect(engine.state.pooling).toBe('importance')
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(log.at(-1)).toBe('encoded one by importance')
    await engine.setPooling(null)
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(log.at(-1)).toBe('encoded one')
    await engine.setPooling(null)
    expect(log.filter((line) => line.startsWith('encoded'))).toHaveLength(3)
    expect(log.filter((line) => line.endsWith('loaded'))).toHaveLength(loads)
  })

  test('a clip that is being encoded comes again in the new way', async () => {
    const late = deferred<ValleyError>()
    const { engine, log } = world({ vision: [late.promise] })
    await engine.changePack(hubAddress('someone/model'))
    const encoding = failure(encode(engine))
    await eventually(() => expect(engine.state.vision.status).toBe('ready'))
    await engine.setPooling('mean')
    late.resolve(new ValleyError('worker-died'))
    await encoding
    await eventually(() => expect(log.filter((line) => line === 'encoded one by mean').length).toBeGreaterThan(0))
    expect(await ask(engine, 'what?')).toBe('WHAT?')
  })

  test('a pack of our own has its one way', async () => {
    const { engine, log } = world()
    await encode(engine)
    await engine.setPooling('mean')
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(log.filter((line) => line.startsWith('encoded'))).toEqual(['encoded one'])
  })
})
