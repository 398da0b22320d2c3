/** The shipped pack in its int8 form, in the worker that the app uses and below it. */
import * as Comlink from 'comlink'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadOwnModel, type OwnModel } from '../../workers/language/model'
import { conversationPieces, prefixPieces, sharedEnds } from '../../workers/language/prompt'
import { argmax, logProbability } from '../../workers/language/sampling'
import { type Sequence, splice } from '../../workers/language/splice'
import {
  type AnswerEvent,
  type AnswerStats,
  type AskRequest,
  keptFolders,
  type LanguageApi,
} from '../../workers/protocol'
import { Ledger } from '../../workers/runtime/ledger'
import { registerTransferHandlers } from '../../workers/transfer'
import forcedChat from '../fixtures/forced-chat.json'
import { withThreads } from './app-worker'
import { removeFolder } from './kept-storage'

registerTransferHandlers()
const packUrl = new URL('/models/valley-nano/pack.json', location.href).href
const never = new AbortController().signal

describe('in the worker', () => {
  const open = () => {
    const worker = withThreads(
      new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' }),
    )
    return { worker, language: Comlink.wrap<LanguageApi>(worker) }
  }
  const nothing = Comlink.proxy(() => {})
  /** A load is most of what a test here costs: the last worker of the first test serves the next one too. */
  let loaded: ReturnType<typeof open> | undefined
  afterAll(() => loaded?.worker.terminate())

  async function ask(language: Comlink.Remote<LanguageApi>, request: AskRequest, signal = never) {
    let text = ''
    let stats: AnswerStats | undefined
    const events = (await language.ask(request, signal)) as unknown as AsyncIterable<AnswerEvent>
    for await (const event of events) {
      if (event.type === 'text') text += event.text
      if (event.type === 'done') stats = event.stats
    }
    if (!stats) throw new Error('no done event')
    return { text, stats }
  }

  test('a first load derives, a later load reads what was kept; both know the capital of France', async () => {
    await removeFolder(keptFolders.derived)
    const followUps: string[] = []
    for (const cached of [false, true]) {
      loaded?.worker.terminate()
      loaded = open()
      const { language } = loaded
      const info = await language.load({ packUrl, backend: 'wasm' }, nothing)
      expect(info).toMatchObject({ packId: 'valley-nano', backend: 'wasm', contextTokens: 768, cached })
      const question = 'What is the capital of France?'
      const { text, stats } = await ask(language, { clipId: null, turns: [], question })
      expect(text).toContain('Paris')
      expect(stats.reusedTokens).toBeGreaterThan(20)
      const second = await ask(language, {
        clipId: null,
        turns: [{ question, answer: text }],
        question: 'And of Italy?',
      })
      followUps.push(second.text)
      // All of the first turn but the end mark of its answer was there.
      expect(second.stats.reusedTokens).toBeGreaterThanOrEqual(stats.promptTokens + stats.newTokens - 1)
    }
    // What was kept is what was derived, to the last weight: greedy answers are equal.
    expect(followUps[0]).not.toBe('')
    expect(followUps[1]).toBe(followUps[0])
  }, 300_000)

  test('a stop in the middle of an answer reaches the worker, and the next question works', async () => {
    if (!loaded) {
      loaded = open()
      await loaded.language.load({ packUrl, backend: 'wasm' }, nothing)
    }
    const { language } = loaded
    const controller = new AbortController()
    const request = { clipId: null, turns: [], question: 'Give me a tip for sleeping better.' }
    let pieces = 0
    const stopped = (async () => {
      const events = (await language.ask(request, controller.signal)) as unknown as AsyncIterable<AnswerEvent>
      for await (const event of events) {
        if (event.type === 'text') pieces += 1
        if (pieces === 2) controller.abort()
      }
    })()
    await expect(stopped).rejects.toMatchObject({ code: 'aborted' })
    expect(pieces).toBeLessThan(12)
    expect(
      (await ask(language, { clipId: null, turns: [], question: 'What is the capital of France?' })).text,
    ).toContain('Paris')
  }, 300_000)
})

describe('int8 and the KV cache', () => {
  const ledger = new Ledger()
  let model: OwnModel
  beforeAll(async () => {
    model = await loadOwnModel({ packUrl, backend: 'wasm' }, ledger, () => {})
  }, 300_000)
  afterAll(async () => {
    await model.dispose()
    expect(ledger.snapshot()).toEqual({})
  })

  const { system } = forcedChat
  const sequenceOf = (turns: AskRequest['turns'], question: string): Sequence => {
    const pieces = conversationPieces(model.tokenizer, { system, turns, question, clip: null })
    return splice(pieces, model.embedding, null)
  }

  /** Teacher-forced after `sequence`: the likeliest token and the forced token's log p at each position. */
  async function force(sequence: Sequence, ids: readonly number[]) {
    const steps: { top: number; logP: number }[] = []
    let { logits } = await model.context.prefill(sequence)
    const row = new Float32Array(model.embedding.hiddenSize)
    for (const id of ids) {
      steps.push({ top: argmax(logits), logP: logProbability(logits, id) })
      model.embedding.lookUp(id, row)
      logits = (await model.context.extend([id], row, [0]))[0] ?? logits
    }
    return steps
  }

  test('a prepared prefix changes nothing at all: the cold run has the same chunks', async () => {
    const sequence = sequenceOf([], 'Describe a dog.')
    const boundary = sharedEnds(prefixPieces(model.tokenizer, system, null))[0] ?? 0
    model.context.truncate(0)
    const cold = await model.context.prefill(sequence, { boundaries: [boundary] })
    model.context.truncate(0)
    await model.context.fill(sequence, boundary)
    const warm = await model.context.prefill(sequence, { boundaries: [boundary] })
    expect(warm.reused).toBe(boundary)
    expect(warm.logits).toEqual(cold.logits)
  }, 120_000)

  test('a second turn on the kept cache agrees with a cold run', async () => {
    const [first] = forcedChat.turns
    if (!first) throw new Error('the fixture has no turn')
    const ids = model.tokenizer.encode(first.answer)
    const second = sequenceOf(forcedChat.turns, forcedChat.question)
    const continuation = model.tokenizer.encode(forcedChat.continuation)
    model.context.truncate(0)
    const cold = await force(second, continuation)
    model.context.truncate(0)
    await force(sequenceOf([], first.question), ids)
    const kept = model.context.keys.length
    const warm = await force(second, continuation)
    expect(kept).toBeGreaterThan(40)
    const agreeing = warm.filter(({ top }, index) => top === cold[index]?.top).length / continuation.length
    const drift = warm.map(({ logP }, index) => Math.abs(logP - (cold[index]?.logP ?? Number.NaN)))
    const meanDrift = drift.reduce((a, b) => a + b) / drift.length
    // int8 activations are scaled per chunk, and a kept cache was filled in other chunks. Measured: 0.87 and 0.17.
    expect(agreeing).toBeGreaterThanOrEqual(0.75)
    expect(meanDrift).toBeLessThan(0.3)
    // What PyTorch gives these ids in float32 (python -m training.evaluation.forced_chat), with the shipped adapter.
    const mean = (steps: typeof cold) => steps.reduce((sum, { logP }) => sum + logP, 0) / steps.length
    for (const steps of [cold, warm]) expect(Math.abs(mean(steps) - forcedChat.nats)).toBeLessThan(0.1)
  }, 300_000)
})
