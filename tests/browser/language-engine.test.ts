/** The engine as the page drives it, with the tiny float32 decoder on WASM. */
import { describe, expect, test } from 'vitest'
import { splice, visualSpan } from '../../workers/language/splice'
import type { AskRequest } from '../../workers/protocol'
import { never, newEngine, open, read, request, tiny } from './language-asking'
import { openTiny, seededClip } from './language-tiny'

describe('asking', () => {
  test('a conversation on a kept cache says what cold engines say, turn by turn', async () => {
    const warm = await open()
    warm.send({ type: 'tokens', tokens: seededClip('a', 1) })
    const turns: { question: string; answer: string }[] = []
    for (const question of ['What is happening?', 'And then?', 'Who is it?']) {
      const kept = await read(warm.engine.ask(request('a', question, turns), never))
      const cold = await open()
      cold.send({ type: 'tokens', tokens: seededClip('a', 1) })
      const fresh = await read(cold.engine.ask(request('a', question, turns), never))
      expect(kept.text).toBe(fresh.text)
      expect(kept.text.length).toBeGreaterThan(0)
      expect(kept.stats.promptTokens).toBe(fresh.stats.promptTokens)
      if (turns.length > 0) expect(kept.stats.reusedTokens).toBeGreaterThan(fresh.stats.reusedTokens)
      turns.push({ question, answer: kept.text })
    }
  }, 120_000)

  test('the clip is seen: other visual tokens give another answer', async () => {
    const { engine, send } = await open()
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    send({ type: 'tokens', tokens: seededClip('b', 2) })
    const a = await read(engine.ask(request('a', 'What is happening?'), never))
    const b = await read(engine.ask(request('b', 'What is happening?'), never))
    expect(a.text).not.toBe(b.text)
    send({ type: 'tokens', tokens: seededClip('a', 2) })
    const again = async () => (await read(engine.ask(request('a', 'What is happening?'), never))).text
    // The tokens come by another way than the question.
    await expect.poll(again).toBe(b.text)
  })

  test('a question waits for its clip, and is told when the clip is gone', async () => {
    const { engine, send } = await open()
    const early = read(engine.ask(request('a', 'What is happening?'), never))
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    expect((await early).text).not.toBe('')
    expect(engine.ledger()).toMatchObject({ tensor: 1 })
    send({ type: 'forget', clipId: 'a' })
    await expect.poll(() => engine.ledger().tensor).toBeUndefined()
    const late = read(engine.ask(request('a', 'What is happening?'), never))
    await expect(late).rejects.toMatchObject({ code: 'clip-unknown', data: { clipId: 'a' } })
  })

  test('preparing a clip leaves only the question to be run, and changes nothing', async () => {
    const cold = await open()
    cold.send({ type: 'tokens', tokens: seededClip('a', 1) })
    const plain = await read(cold.engine.ask(request('a', 'What is happening?'), never))
    const { engine, send } = await open()
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    await engine.prepare('a', {}, never)
    const prepared = await read(engine.ask(request('a', 'What is happening?'), never))
    expect(prepared.text).toBe(plain.text)
    // system prompt and user head (22), four markers, four patch tokens, three frame tokens
    expect(prepared.stats.reusedTokens).toBe(22 + 11)
  })

  test('sampled answers repeat with their seed', async () => {
    const { engine } = await open()
    const ask = async (seed: number) => {
      const options = { temperature: 1.5, topP: 1, seed }
      return (await read(engine.ask({ ...request(null, 'What is happening?'), options }, never))).text
    }
    const first = await ask(1)
    expect(await ask(1)).toBe(first)
    expect(await ask(2)).not.toBe(first)
  })
})

describe('context', () => {
  test('a conversation that outgrows the context loses its oldest turns, never the clip', async () => {
    const { engine, send } = await open()
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    const answer = 'Two dogs play with a red ball on the grass near the water. '.repeat(3)
    const turns = Array.from({ length: 5 }, (_, i) => ({ question: `What is happening at ${i}?`, answer }))
    const long = await read(engine.ask(request('a', 'And then?', turns), never))
    expect(long.stats.droppedTurns).toBeGreaterThan(0)
    expect(long.stats.promptTokens + 16).toBeLessThanOrEqual(256)
    const kept = await read(engine.ask(request('a', 'And then?', turns.slice(long.stats.droppedTurns)), never))
    expect(kept.stats.droppedTurns).toBe(0)
    expect(kept.text).toBe(long.text)
  })

  // On WASM every run copies the cache, so the pack's bound is what keeps a token cheap.
  test('clip, chat and answer never take more positions than the pack allows, however long the chat', async () => {
    const { engine, send, info } = await open()
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    const turns: AskRequest['turns'][number][] = []
    let most = 0
    let dropped = 0
    for (let index = 0; index < 8; index++) {
      const question = `What is happening at ${index}, and where are the two dogs with the red ball then?`
      const { text, stats } = await read(engine.ask(request('a', question, turns), never))
      most = Math.max(most, stats.promptTokens + stats.newTokens)
      dropped = Math.max(dropped, stats.droppedTurns)
      turns.push({ question, answer: text })
    }
    expect(most).toBeLessThanOrEqual(info.contextTokens)
    // The bound was reached: without it the chat would have gone beyond.
    expect(dropped).toBeGreaterThan(0)
    expect(most).toBeGreaterThan(info.contextTokens / 2)
  }, 240_000)

  test('a question that does not fit is context-full, and the next one works', async () => {
    const { engine, send } = await open()
    send({ type: 'tokens', tokens: seededClip('a', 1) })
    const failure = read(engine.ask(request('a', 'What is happening? '.repeat(60)), never))
    await expect(failure).rejects.toMatchObject({ code: 'context-full', data: { limit: 240 } })
    expect((await read(engine.ask(request('a', 'What is happening?'), never))).text).not.toBe('')
  })
})

test('beams are as many as asked for, where nothing is sampled', async () => {
  const { engine } = await open()
  const beams = async (options: AskRequest['options']) =>
    (await read(engine.ask({ ...request(null, 'What?'), ...(options ? { options } : {}) }, never))).stats.beams
  expect(await beams({})).toBe(1)
  expect(await beams({ beams: 3 })).toBe(3)
  expect(await beams({ beams: 9 })).toBe(3)
  expect(await beams({ beams: 3, temperature: 1 })).toBe(1)
})

describe('stopping', () => {
  test('aborted while it waits for a clip', async () => {
    const { engine } = await open()
    const controller = new AbortController()
    const waiting = read(engine.ask(request('nowhere', 'What?'), controller.signal))
    controller.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' })
  })

  test.each(['prefill', 'text'] as const)(
    'aborted at its first %s event: the next answer is the usual one',
    async (type) => {
      const { engine, send } = await open()
      send({ type: 'tokens', tokens: seededClip('a', 1) })
      const usual = await read(engine.ask(request('a', 'What is happening?'), never))
      // The same clip by another name has nothing in the cache.
      send({ type: 'tokens', tokens: seededClip('b', 1) })
      const controller = new AbortController()
      const stopped = (async () => {
        for await (const event of engine.ask(request('b', 'What is happening?'), controller.signal)) {
          if (event.type === type) controller.abort()
        }
      })()
      await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
      expect((await read(engine.ask(request('b', 'What is happening?'), never))).text).toBe(usual.text)
    },
  )

  test('a reader that leaves early stops the answer', async () => {
    const { engine } = await open()
    for await (const event of engine.ask(request(null, 'What is happening?'), never)) if (event.type === 'text') break
    const next = await read(engine.ask(request(null, 'What is happening?'), never))
    expect(next.text).not.toBe('')
  })

  test('questions asked at once are answered one after the other', async () => {
    const { engine } = await open()
    const questions = ['What is happening?', 'And then?', 'Who is it?']
    const together = await Promise.all(questions.map((question) => read(engine.ask(request(null, question), never))))
    for (const [index, question] of questions.entries()) {
      expect((await read(engine.ask(request(null, question), never))).text).toBe(together[index]?.text)
    }
  })
})

test('scores equal the decoder below, and do not depend on their order', async () => {
  const { engine, send } = await open()
  send({ type: 'tokens', tokens: seededClip('a', 1) })
  const texts = ['Two dogs play.', 'A person opens the door.', 'What?']
  const scores = await engine.score('a', 'What is happening?', texts, {}, never)
  const reversed = await engine.score('a', 'What is happening?', [...texts].reverse(), {}, never)
  for (const [index, score] of scores.entries()) expect(reversed[2 - index]).toBeCloseTo(score, 4)
  expect(new Set(scores).size).toBe(3)
  expect(await engine.score('a', 'What?', [''], {}, never)).toEqual([Number.NEGATIVE_INFINITY])

  const model = await openTiny('tiny-mean', 'f32')
  const { tokenizer, embedding, decoder } = model
  const span = visualSpan('a', seededClip('a', 1))
  const ids = tokenizer.encode(texts[0] ?? '')
  const before = tokenizer.encode('<|im_start|>system\nYou are tiny.<|im_end|>\n<|im_start|>user\n')
  const after = tokenizer.encode('\nWhat is happening?<|im_end|>\n<|im_start|>assistant\n')
  const pieces = [
    { kind: 'text', ids: before },
    { kind: 'visual', length: span.length },
    { kind: 'text', ids: [...after, ...ids] },
  ] as const
  const sequence = splice(pieces, embedding, span)
  const length = sequence.keys.length
  const rows = ids.map((_, i) => length - ids.length - 1 + i)
  const logits = await decoder.run(sequence.embed(0, length), rows)
  const logP = logits.map((row, i) => {
    const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0)
    return (row[ids[i] ?? 0] ?? 0) - Math.log(total)
  })
  expect(scores[0]).toBeCloseTo(logP.reduce((a, b) => a + b) / ids.length, 3)
  await decoder.dispose()
})

test('loading reports its stages in order and ends each at its total', async () => {
  const engine = newEngine()
  const last = new Map<string, { done: number; total: number }>()
  const info = await engine.load(tiny('tiny-delta'), ({ stage, done, total }) => {
    expect(done).toBeGreaterThanOrEqual(last.get(stage)?.done ?? 0)
    last.set(stage, { done, total })
  })
  expect([...last.keys()].sort()).toEqual(['derive', 'download', 'manifest', 'session', 'verify', 'warm-up'])
  for (const { done, total } of last.values()) expect(done).toBe(total)
  expect(info).toMatchObject({ packId: 'tiny-delta', backend: 'wasm', contextTokens: 256 })
})

test('a pack that is not there is download-failed, and the engine stays usable', async () => {
  const { engine } = await open()
  const missing = engine.load({ packUrl: new URL('/tests/fixtures/tiny/none/pack.json', location.href).href }, () => {})
  await expect(missing).rejects.toMatchObject({ code: expect.stringMatching(/download-failed|pack-invalid/) })
  await engine.load(tiny('tiny-mean'), () => {})
  expect((await read(engine.ask(request(null, 'What?'), never))).text).not.toBe('')
})
