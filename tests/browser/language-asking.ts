/** The language engine in this thread, over a tiny float32 decoder on WASM, for tests that ask it. */
import { afterEach, expect } from 'vitest'
import { LanguageEngine } from '../../workers/language/engine'
import type { AnswerEvent, AnswerStats, AskRequest, TokenMessage } from '../../workers/protocol'
import { tinyPackUrl } from './language-tiny'

const engines: LanguageEngine[] = []
afterEach(async () => {
  for (const engine of engines.splice(0)) {
    await engine.dispose()
    expect(engine.ledger()).toEqual({})
  }
})

export const tiny = (name: string) => ({ packUrl: tinyPackUrl(name), backend: 'wasm', flavour: 'f32' }) as const

/** An engine that is disposed after the test, which must leave nothing. */
export function newEngine(): LanguageEngine {
  const engine = new LanguageEngine()
  engines.push(engine)
  return engine
}

/** A loaded engine, and the way on which tokens come to it. */
export async function open(pack = 'tiny-mean') {
  const engine = newEngine()
  const info = await engine.load(tiny(pack), () => {})
  const { port1, port2 } = new MessageChannel()
  engine.connect(port2)
  const send = (message: TokenMessage) => port1.postMessage(message)
  return { engine, info, send }
}

export const never = new AbortController().signal

/** An answer to its end. */
export async function read(events: AsyncIterable<AnswerEvent>) {
  let text = ''
  let stats: AnswerStats | undefined
  let reason = ''
  for await (const event of events) {
    if (event.type === 'text') text += event.text
    if (event.type === 'done') ({ stats, reason } = event)
  }
  if (!stats) throw new Error('no done event')
  return { text, stats, reason }
}

export const request = (clipId: string | null, question: string, turns: AskRequest['turns'] = []): AskRequest => ({
  clipId,
  turns,
  question,
})
