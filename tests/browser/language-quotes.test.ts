/** Captions of similar scenes in the prompt: read with the clip, cached with it, and left out on request. */
import { expect, test } from 'vitest'
import { never, open, read, request } from './language-asking'
import { openTiny, seededClip } from './language-tiny'

const quotes = ['A dog runs on the grass.', 'Two dogs play with a red ball.', 'A man rides a bike.']
const question = 'What is happening?'
const openWithQuotes = async () => {
  const opened = await open('tiny-retrieval')
  opened.send({ type: 'tokens', tokens: seededClip('a', 1, 3, quotes) })
  return opened
}

test('quotes are read with the clip, count as positions, and can be left out', async () => {
  const { engine } = await openWithQuotes()
  const model = await openTiny('tiny-retrieval', 'f32')
  const hint = model.tokenizer.encode(`\nSimilar scenes: ${quotes.join(' ')}`).length
  await model.decoder.dispose()
  const quoted = await read(engine.ask(request('a', question), never))
  const plain = await read(engine.ask({ ...request('a', question), options: { quotes: false } }, never))
  expect(quoted.stats.quotes).toEqual(quotes)
  expect(plain.stats.quotes).toEqual([])
  expect(quoted.stats.promptTokens - plain.stats.promptTokens).toBe(hint)
  expect(quoted.text).not.toBe(plain.text)
  const [with_, without] = [{}, { quotes: false }].map((options) =>
    engine.score('a', question, ['A dog runs.'], options, never),
  )
  expect(await with_).not.toEqual(await without)
})

test('a prepared clip holds them, later turns reuse them, dropped turns leave them', async () => {
  const { engine } = await openWithQuotes()
  await engine.prepare('a', {}, never)
  const first = await read(engine.ask(request('a', question), never))
  const bare = await read(engine.ask({ ...request('a', question), options: { quotes: false } }, never))
  // System prompt and user head (22), the clip (11), and the quotes.
  const shared = 22 + 11 + first.stats.promptTokens - bare.stats.promptTokens
  expect(first.stats.reusedTokens).toBe(shared)
  const answer = 'Two dogs play with a red ball on the grass. '.repeat(2)
  const turns = Array.from({ length: 4 }, () => ({ question, answer }))
  await read(engine.ask(request('a', question), never))
  const long = await read(engine.ask(request('a', 'And then?', turns), never))
  expect(long.stats).toMatchObject({ quotes, droppedTurns: expect.any(Number) })
  expect(long.stats.droppedTurns).toBeGreaterThan(0)
  expect(long.stats.reusedTokens).toBeGreaterThanOrEqual(shared)
})

test('an answer forced upon its own question is what was likeliest there', async () => {
  const { engine } = await openWithQuotes()
  for await (const event of engine.ask(request('a', question), never)) {
    if (event.type !== 'done') continue
    const forced = await engine.force('a', question, event.ids, {}, never)
    expect(forced.map(({ top }) => top)).toEqual(event.ids)
    const plain = await engine.force('a', question, event.ids, { quotes: false }, never)
    expect(plain[0]?.logP).not.toBeCloseTo(forced[0]?.logP ?? 0, 4)
  }
})
