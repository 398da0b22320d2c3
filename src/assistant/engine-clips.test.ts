/** Clips of an engine that are encoded again: with a pack of the hub in another way of pooling, and where tokens were lost. */
import { describe, expect, test } from 'vitest'
import { ask, clip, encode, eventually, failure, never, world } from '../../tests/fixtures/engine-world'
import { hubAddress, ValleyError } from '../../workers/protocol'
import { deferred } from './deferred'

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

  test('a clip whose first encoding goes on comes again in the new way when that is done', async () => {
    const late = deferred<undefined>()
    const { engine, log } = world({ vision: [late.promise] })
    await engine.changePack(hubAddress('someone/model'))
    for await (const event of engine.encode(new Blob(['x']), clip, never())) {
      if (event.type !== 'opened') continue
      await engine.setPooling('mean')
      late.resolve(undefined)
    }
    await eventually(() => expect(log.at(-1)).toBe('encoded one by mean'))
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(log.filter((line) => line.startsWith('encoded'))).toEqual(['encoded one', 'encoded one by mean'])
  })

  test('whoever opened a clip hears what its tokens are now, before they are asked about, until it is let go of', async () => {
    const { engine } = world()
    await engine.changePack(hubAddress('someone/model'), 'mean')
    const told: unknown[] = []
    const open = async (clipId: string) => {
      const events = engine.encode(new Blob(['x']), { clipId, name: clipId }, never(), ({ clipId, pooling }) =>
        told.push([clipId, pooling]),
      )
      for await (const _ of events);
    }
    await open('one')
    await open('two')
    expect(told).toEqual([])
    engine.forget('two')
    await engine.setPooling('importance')
    await ask(engine, 'what?')
    expect(told).toEqual([['one', 'importance']])
    engine.killWorker('language')
    await ask(engine, 'what?')
    expect(told).toEqual(Array(2).fill(['one', 'importance']))
  })

  test('a pack of our own has its one way', async () => {
    const { engine, log } = world()
    await encode(engine)
    await engine.setPooling('mean')
    expect(await ask(engine, 'what?')).toBe('WHAT?')
    expect(log.filter((line) => line.startsWith('encoded'))).toEqual(['encoded one'])
  })
})

describe('tokens that are lost', () => {
  test('while the last event of a clip is read, come again', async () => {
    const { engine, log } = world()
    for await (const event of engine.encode(new Blob(['x']), clip, never())) {
      if (event.type !== 'encoded') continue
      engine.killWorker('language')
      await eventually(() => expect(engine.state.language.status).toBe('ready'))
      expect(log.filter((line) => line === 'language started')).toHaveLength(2)
    }
    expect(await ask(engine, 'what?')).toBe('WHAT?')
  })

  test('do not keep a question that is stopped', async () => {
    const again = deferred<undefined>()
    const { engine, log } = world({ vision: [undefined, again.promise] })
    await encode(engine)
    engine.killWorker('language')
    const stop = new AbortController()
    const asked = failure(ask(engine, 'what?', 'one', stop.signal))
    await eventually(() => expect(log.filter((line) => line === 'language started')).toHaveLength(2))
    await eventually(() => expect(engine.state.language.status).toBe('ready'))
    stop.abort()
    expect(await asked).toBe('aborted')
    again.resolve(undefined)
    expect(await ask(engine, 'and now?')).toBe('AND NOW?')
  })
})
