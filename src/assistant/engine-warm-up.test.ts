/** What the engine does with the time until somebody wants something of it. */
import { expect, test } from 'vitest'
import { ask, encode, eventually, world } from '../../tests/fixtures/engine-world'
import { deferred } from './deferred'

/** Workers of `steps` steps each, whose step `held` (from 0, of both together) lasts until it is let go. */
function warmed(steps: number, held = -1) {
  const begun: string[] = []
  const step = deferred<void>()
  const left = { vision: steps, language: steps }
  const warmUp = async (worker: 'vision' | 'language') => {
    begun.push(worker)
    if (begun.length - 1 === held) await step.promise
    left[worker] -= 1
    return left[worker] > 0
  }
  return { ...world({ warmUp }), begun, letGo: step.resolve }
}

test('both workers are warmed, step by step, the vision worker first', async () => {
  const { begun } = warmed(2)
  await eventually(() => expect(begun).toEqual(['vision', 'vision', 'language', 'language']))
})

test('a question ends it', async () => {
  const { engine, begun, letGo } = warmed(3, 1)
  await eventually(() => expect(begun).toHaveLength(2))
  await ask(engine, 'what?', null)
  letGo()
  await ask(engine, 'what else?', null)
  expect(begun).toEqual(['vision', 'vision'])
})

test('a clip that is being encoded ends it', async () => {
  const { engine, begun, letGo } = warmed(3, 1)
  await eventually(() => expect(begun).toHaveLength(2))
  for await (const event of engine.encode(
    new Blob(['x']),
    { clipId: 'one', name: 'one.mp4' },
    new AbortController().signal,
  )) {
    if (event.type !== 'opened') continue
    letGo()
    // Both workers answer: long enough for another step to begin.
    for (let time = 0; time < 5; time++) await engine.ledgers()
  }
  expect(begun).toEqual(['vision', 'vision'])
})

test('a clip that was encoded within a step does not', async () => {
  const { engine, begun, letGo } = warmed(2, 0)
  await eventually(() => expect(begun).toHaveLength(1))
  await encode(engine)
  letGo()
  await eventually(() => expect(begun).toEqual(['vision', 'vision', 'language', 'language']))
})
