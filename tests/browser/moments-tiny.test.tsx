/** Moments over the real workers and a tiny pack of random weights: the screen says what the vectors and answers say. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { formatTime } from '../../src/app/format'
import { Engine } from '../../src/assistant/engine'
import { startLanguage, startVision } from '../../src/assistant/workers'
import { playhead } from '../../src/clip/playhead'
import { isTelling } from '../../src/moments/evidence'
import { unrelatedCaptions } from '../../src/moments/unrelated'
import { tinyPackUrl } from './language-tiny'
import { ask, chooseFile, type Mounted, mount, restingLedgers } from './page-mount'
import { fetchFile } from './vision-support'

const never = new AbortController().signal
/** Eight seconds, in which a ball comes and goes. */
const file = await fetchFile('/samples/rolling-ball.webm')

let engine: Engine
let mounted: Mounted

beforeEach(async () => {
  localStorage.clear()
  await page.viewport(1280, 800)
  const backends = { visionBackend: 'wasm', languageBackend: 'wasm', languageFlavour: 'f32' } as const
  const packUrl = tinyPackUrl('tiny-retrieval')
  engine = new Engine({ packUrl, ...backends, keepClips: false, startVision, startLanguage })
  engine.start()
  mounted = await mount({ engine })
  await chooseFile(file)
  await expect.element(page.getByText(/frames looked at/)).toBeVisible()
})
afterEach(() => mounted.close())

/** Frames at some moments, and the texts' cosines to each: [texts][frames]. Vectors come with a length of 1. */
async function compare(texts: readonly string[], moments: readonly number[]) {
  const vectors = await engine.embedTexts(texts, never)
  const size = vectors.length / texts.length
  const frames: { readonly timestamp: number; readonly vector: Float32Array }[] = []
  const options = { clipId: 'by hand', name: file.name, moments }
  for await (const event of engine.encode(file, options, never)) if (event.type === 'frame') frames.push(event)
  engine.forget('by hand')
  const cosines = texts.map((_, text) =>
    frames.map(({ vector }) =>
      vector.reduce((sum, value, at) => sum + value * (vectors[text * size + at] ?? Number.NaN), 0),
    ),
  )
  return { times: frames.map(({ timestamp }) => timestamp), cosines }
}
const looked = () => mounted.session.transcript().clip?.timestamps ?? []
const largest = (values: readonly number[]) => Math.max(...values)

test('words find the frame that is nearest to them, among more frames than the model saw', async () => {
  const words = 'A dog runs on the grass.'
  const closer = Array.from({ length: 16 }, (_, index) => (index + 0.5) / 2)
  const moments = [...new Set([...looked(), ...closer])].sort((a, b) => a - b)
  const { times, cosines } = await compare([words, ...unrelatedCaptions], moments)
  const [own = [], ...others] = cosines
  const best = times[own.indexOf(largest(own))] ?? Number.NaN
  const reached = others.map(largest).sort((a, b) => b - a)
  const fits = largest(own) > (reached[Math.floor(unrelatedCaptions.length / 20)] ?? Number.NaN)

  await page.getByRole('searchbox', { name: 'Find a moment' }).fill(words)
  await expect.element(page.getByRole('img', { name: 'How well each moment fits the words' })).toBeVisible()
  const time = formatTime(best)
  const said = new RegExp(fits ? `moments?, (the best )?at ${time}\\.` : `these words; ${time} comes nearest`)
  await expect.element(page.getByText(said)).toBeVisible()
  const gone = async () => {
    await userEvent.keyboard('{Enter}')
    return playhead.getSnapshot().sought?.seconds
  }
  await expect.poll(gone).toBe(best)
})

test('the frames nearest to an answer stand under it', async () => {
  await ask('What is happening?')
  const turn = () => mounted.session.transcript().turns[0]
  await expect.poll(() => turn()?.evidence).toBeTruthy()
  const { times, cosines } = await compare([turn()?.answer ?? '', ...unrelatedCaptions], looked())
  const [own = [], ...others] = cosines
  const best = largest(own)
  const reached = others.map(largest).sort((a, b) => a - b)
  const middle = (reached.length - 1) / 2
  const usual = ((reached[Math.floor(middle)] ?? 0) + (reached[Math.ceil(middle)] ?? 0)) / 2
  const nearest = [...times.keys()]
    .filter((at) => (own[at] ?? 0) >= Math.min(best, (best + usual) / 2))
    .sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0))
    .slice(0, 4)
    .map((at) => times[at])
    .sort((a = 0, b = 0) => a - b)
  expect(turn()?.evidence?.frames.map(({ timestamp }) => timestamp)).toEqual(nearest)
  const mean = reached.reduce((sum, value) => sum + value, 0) / reached.length
  const spread = Math.sqrt(reached.reduce((sum, value) => sum + (value - mean) ** 2, 0) / reached.length)
  const unsure = isTelling(turn()?.answer ?? '') && best <= mean + spread
  expect(turn()?.evidence?.unsure).toBe(unsure)
  const list = page.getByRole('list', { name: unsure ? 'I looked at these frames' : 'Nearest frames' })
  await expect.element(list.getByRole('button')).toHaveLength(nearest.length)
})

test('each part of a clip is looked at and answered about alone, and nothing of it stays', async () => {
  // The suggestions open the tower for texts, which then stays.
  await engine.embedTexts(['now'], never)
  const resting = await restingLedgers(engine)
  const question = 'What is happening?'
  const expected: string[] = []
  for (const start of [0, 4]) {
    const moments = [0.5, 1.5, 2.5, 3.5].map((seconds) => start + seconds)
    for await (const _ of engine.encode(file, { clipId: 'part', name: file.name, moments }, never));
    let text = ''
    const options = { temperature: 0 }
    for await (const event of engine.ask({ clipId: 'part', turns: [], question, options }, never)) {
      if (event.type === 'text') text += event.text
    }
    engine.forget('part')
    expected.push(text.trim().replace(/\s+/g, ' '))
  }
  const seen: number[][] = []
  const encode = engine.encode.bind(engine)
  engine.encode = async function* (...call) {
    const times: number[] = []
    seen.push(times)
    for await (const event of encode(...call)) {
      if (event.type === 'frame') times.push(Math.round(event.timestamp * 10) / 10)
      yield event
    }
  }

  mounted.session.ask(question, true)
  await expect.poll(() => mounted.session.transcript().turns[0]?.status).toBe('done')
  expect(seen).toEqual([
    [0.5, 1.5, 2.5, 3.5],
    [4.5, 5.5, 6.5, 7.5],
  ])
  // The same words again make the part before longer.
  const said = [...new Set(expected)]
  expect(mounted.session.transcript().turns[0]?.segments?.map(({ text }) => text)).toEqual(said)
  const parts = page.getByRole('list', { name: 'Moment by moment' }).getByRole('listitem')
  await expect.element(parts).toHaveLength(said.length)
  await parts.first().getByRole('button', { name: 'Go to 0:00' }).click()
  expect(playhead.getSnapshot().sought).toMatchObject({ seconds: 0 })
  await expect.poll(() => engine.ledgers()).toEqual(resting)
})
