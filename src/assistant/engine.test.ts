import { describe, expect, test } from 'vitest'
import { localClient } from '../../tests/browser/page-stand-in'
import {
  ask,
  askEndlessly,
  clip,
  closeAfterwards,
  encode,
  eventually,
  failure,
  never,
  world,
} from '../../tests/fixtures/engine-world'
import { hubAddress, type LanguageApi, type LoadOptions, ValleyError, type VisionApi } from '../../workers/protocol'
import { Engine } from './engine'

/** Time enough for what must not happen: another engine starts, loads and answers. */
const aWhile = () => ask(world().engine, 'meanwhile', null)

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

  test('a pack that cannot be loaded leaves the others: the next one answers', async () => {
    const load: ValleyError[] = []
    const { engine } = world({ load })
    await encode(engine)
    load.push(new ValleyError('hub-operator', { operator: 'NoSuchOperator' }))
    await engine.changePack(hubAddress('someone/model'))
    await eventually(() =>
      expect(engine.state.vision).toMatchObject({ status: 'failed', error: { code: 'hub-operator' } }),
    )
    const waiting = ask(engine, 'what?')
    await engine.changePack('https://test/pack.json')
    expect(await waiting).toBe('WHAT?')
    expect(engine.state.vision.status).toBe('ready')
  })

  test('a question that waits for a pack whose loading was stopped does not hold up the next pack, which answers it', async () => {
    const { engine } = world()
    engine.pause()
    const waiting = ask(engine, 'what?', null)
    await engine.changePack('https://test/other.json')
    expect(engine.state).toMatchObject({ packUrl: 'https://test/other.json', paused: true })
    engine.resume()
    expect(await waiting).toBe('WHAT?')
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
    closeAfterwards(dying).start()
    await eventually(() =>
      expect(dying.state.vision).toMatchObject({ status: 'failed', error: { code: 'worker-died' } }),
    )
    expect(await ask(engine, 'unharmed', null)).toBe('UNHARMED')
  })

  test('a worker that dies while it loads with threads is loaded without any, as its last try', async () => {
    const loads: (number | undefined)[] = []
    const engine = new Engine({
      packUrl: 'https://test/pack.json',
      startVision: () => {
        const api = {
          load: async ({ threads }: LoadOptions) => {
            loads.push(threads)
            if (threads !== 1) setTimeout(() => client.terminate('out of memory'))
            return threads === 1 ? { packId: 'p' } : new Promise(() => {})
          },
          connect: () => {},
        }
        const client = localClient<VisionApi>('vision', api as unknown as VisionApi)
        return client
      },
      startLanguage: () => localClient<LanguageApi>('language', {} as LanguageApi),
    })
    closeAfterwards(engine).start()
    await eventually(() => expect(engine.state.vision).toMatchObject({ status: 'ready', info: { packId: 'p' } }))
    expect(loads).toEqual([undefined, undefined, 1])
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
