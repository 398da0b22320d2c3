import * as Comlink from 'comlink'
import { afterAll, expect, test } from 'vitest'
import { type AnswerEvent, type LanguageApi, registerTransferHandlers } from '../../workers/protocol'

registerTransferHandlers()
const worker = new Worker(new URL('../../workers/language/language.worker.ts', import.meta.url), { type: 'module' })
const language = Comlink.wrap<LanguageApi>(worker)
afterAll(() => worker.terminate())

const packUrl = new URL('/models/valley-nano/pack.json', location.href).href

test('answers', async () => {
  const log: string[] = []
  const t = performance.now()
  let last = ''
  const info = await language.load(
    { packUrl, backend: 'wasm' },
    Comlink.proxy((p) => {
      if (p.stage !== last) log.push(`${p.stage} ${Math.round(performance.now() - t)}`)
      last = p.stage
    }),
  )
  console.warn(JSON.stringify(info), log.join(' | '))
  const signal = new AbortController().signal
  for (const question of ['What is the capital of France?', 'Tell me a short story about a dog.']) {
    let text = ''
    let done: AnswerEvent | undefined
    for await (const event of (await language.ask(
      { clipId: null, turns: [], question },
      signal,
    )) as unknown as AsyncIterable<AnswerEvent>) {
      if (event.type === 'text') text += event.text
      if (event.type === 'done') done = event
    }
    console.warn(text, JSON.stringify(done))
  }
  expect(true).toBe(true)
}, 180_000)
