/** The panel of figures: off unless wanted, what it shows of clips, answers and memory, what a copy holds and what not. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { type AnswerFigures, FigureLog } from '../../src/performance/figures'
import { PerformanceMonitor } from '../../src/performance/monitor'
import type { AnswerEvent } from '../../workers/protocol'
import { sampleStats } from '../fixtures/sample'
import { answer, ask, chooseFile, film, type Mounted, mount } from './page-mount'
import { standInEngine } from './page-stand-in'

let mounted: Mounted | undefined

beforeEach(async () => {
  await page.viewport(1280, 800)
  localStorage.clear()
})
afterEach(async () => {
  await mounted?.close()
  mounted = undefined
  vi.restoreAllMocks()
})

const panel = () => page.getByRole('complementary', { name: 'Performance figures' })

/** Opens the settings, chooses, closes them. */
async function turn(choice: 'On' | 'Off'): Promise<void> {
  await page.getByRole('button', { name: 'Settings' }).click()
  await page.getByRole('radiogroup', { name: 'Performance figures' }).getByRole('radio', { name: choice }).click()
  await userEvent.keyboard('{Escape}')
}

/** The text of the cells behind a row's name. */
function row(table: string, name: string): Promise<string[]> {
  const find = () =>
    [...document.querySelectorAll('.performance-table')]
      .find((element) => element.querySelector('caption')?.textContent === table)
      ?.querySelectorAll('tr')
  const cells = [...(find() ?? [])].find((tr) => tr.querySelector('th')?.textContent === name)?.querySelectorAll('td')
  return Promise.resolve([...(cells ?? [])].map(({ textContent }) => textContent ?? ''))
}

async function oneAnswer(): Promise<void> {
  await chooseFile(film('holiday.mp4'))
  await ask('who is it')
  await expect.element(answer('WHO IS IT')).toBeVisible()
}

test('nothing is measured and nothing listened to before it is turned on, nor after it is turned off', async () => {
  const observe = vi.spyOn(PerformanceObserver.prototype, 'observe')
  const disconnect = vi.spyOn(PerformanceObserver.prototype, 'disconnect')
  const { engine } = standInEngine()
  const memory = vi.spyOn(engine, 'gpuMemory')
  const listen = vi.spyOn(engine.figures, 'subscribe')
  mounted = await mount({ engine })
  await oneAnswer()
  await expect.element(panel()).not.toBeInTheDocument()
  expect([observe, memory, listen].map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0])

  await turn('On')
  await expect.element(panel()).toBeVisible()
  await expect.poll(() => memory.mock.calls.length).toBeGreaterThan(0)
  expect(observe).toHaveBeenCalledWith({ type: 'longtask', buffered: true })
  const left = disconnect.mock.calls.length
  await panel().getByRole('button', { name: 'Turn the figures off' }).click()
  await expect.element(panel()).not.toBeInTheDocument()
  expect(disconnect.mock.calls.length).toBe(left + 1)
  const calls = memory.mock.calls.length
  // A second answer is news; nobody gathers it.
  await ask('and now')
  await expect.element(answer('AND NOW')).toBeVisible()
  expect(memory.mock.calls.length).toBe(calls)
})

test('it shows the figures of clips and answers, those from before it was turned on included, and of what is open', async () => {
  mounted = await mount()
  await oneAnswer()
  await turn('On')
  await expect.element(panel()).toBeVisible()
  expect(await row('Model', 'Ran')).toEqual(['on the processor', 'on the processor · 1 thread'])
  expect(await row('Model', 'Weights')).toEqual(['–', 'kept from before'])
  expect(await row('Clips', 'Format')).toEqual(['H.264 320×180 0:02'])
  expect(await row('Clips', 'Decoding')).toEqual(['2 ms'])
  expect(await row('Clips', 'In all')).toEqual(['6 ms'])
  // Two frames in 6 ms.
  expect(await row('Clips', 'Frames a second')).toEqual(['333.3'])
  expect(await row('Clips', 'Tokens')).toEqual(['18'])
  expect(await row('Clips', 'Known before')).toEqual(['No'])
  expect(await row('Answers', 'About')).toEqual(['Clip 1'])
  expect(await row('Answers', 'First word after')).toEqual(['5 ms'])
  expect(await row('Answers', 'Tokens read')).toEqual(['10'])
  expect(await row('Answers', 'Tokens a second')).toEqual(['20'])
  expect(await row('Answers', 'Ended')).toEqual(['by itself'])
  await expect.poll(() => row('Memory', 'Open')).toEqual(['–', 'kv-cache 1'])
  expect((await row('Memory', 'Storage'))[0]).toMatch(/^\d.* of \d/)

  await ask('endless')
  await expect.element(page.getByText(/on and on/).first()).toBeVisible()
  await page.getByRole('button', { name: 'Stop' }).click()
  // The newest stands first.
  await expect.poll(() => row('Answers', 'Ended')).toEqual(['stopped', 'by itself'])
  expect(await row('Answers', 'First word after')).toEqual(['–', '5 ms'])
})

test('on a phone it is one line until it is opened, by a finger or by keys', async () => {
  await page.viewport(390, 844)
  mounted = await mount()
  await oneAnswer()
  await turn('On')
  const toggle = panel().getByRole('button', { name: 'Figures' })
  await expect.element(toggle).toHaveAttribute('aria-expanded', 'false')
  await expect.element(panel().getByText('First word after 5 ms · 20 tokens a second')).toBeInTheDocument()
  await expect.element(panel().getByRole('table').first()).not.toBeInTheDocument()
  const button = toggle.element() as HTMLButtonElement
  button.focus()
  await userEvent.keyboard('{Enter}')
  await expect.element(panel().getByRole('table', { name: 'Answers' })).toBeVisible()
  await expect.element(panel().getByRole('rowheader', { name: 'Tokens a second' })).toBeInTheDocument()
  await userEvent.keyboard(' ')
  await expect.element(panel().getByRole('table').first()).not.toBeInTheDocument()
})

test('a copy holds the figures as Markdown or JSON, and nothing of names, questions, answers or quotes', async () => {
  const copies: string[] = []
  vi.spyOn(navigator.clipboard, 'writeText').mockImplementation(async (text) => void copies.push(text))
  mounted = await mount()
  await oneAnswer()
  await turn('On')
  await panel().getByRole('button', { name: 'Copy as Markdown' }).click()
  await expect.element(panel().getByRole('status')).toHaveTextContent('Copied')
  await panel().getByRole('button', { name: 'Copy as JSON' }).click()
  await expect.poll(() => copies.length).toBe(2)
  const [markdown = '', json = ''] = copies
  expect(markdown).toContain('| Answers | Answer 1 |\n| --- | --- |')
  expect(markdown).toContain('| First word after | 5 ms |')
  const figures = JSON.parse(json)
  expect(figures.browser).toBe(navigator.userAgent)
  expect(figures.vision).toMatchObject({ status: 'ready', backend: 'wasm', loadMs: 1 })
  expect(figures.clips).toMatchObject([
    { clip: 1, frames: 2, open: 1, decode: 2, encode: 3, total: 6, codec: 'avc1.42001f' },
  ])
  expect(figures.answers).toMatchObject([{ clip: 1, ended: 'end', stats: { newTokens: 2, reusedTokens: 0 } }])
  const clipId = mounted.session.getState().clips.order[0] ?? ''
  for (const copy of copies) {
    for (const private_ of ['holiday', 'who is it', 'WHO IS IT', 'A dog runs', clipId, '"contentHash"'])
      expect(copy).not.toContain(private_)
  }
})

/** An answer of so many pieces; `work` runs on this thread while it is written. */
async function* written(pieces: number, work: () => void = () => {}): AsyncGenerator<AnswerEvent, void, undefined> {
  yield { type: 'prefill', done: 1, total: 1 }
  for (let piece = 0; piece < pieces; piece++) yield { type: 'text', text: 'word ' }
  await new Promise((resolve) => setTimeout(resolve))
  work()
  await new Promise((resolve) => setTimeout(resolve))
  yield { type: 'done', reason: 'end', ids: [], stats: sampleStats }
}

async function readAll(events: AsyncIterable<AnswerEvent>): Promise<void> {
  for await (const _ of events) {
    // Only its figures matter.
  }
}

const stillEngine = (figures: FigureLog) => {
  const { engine } = standInEngine()
  const { state, subscribe } = engine
  engine.close()
  return { state, subscribe, figures, ledgers: async () => ({ vision: {}, language: {} }), gpuMemory: async () => null }
}

test('a task that blocks the page while an answer is written counts for that answer, and for no other', async () => {
  const figures = new FigureLog()
  const monitor = new PerformanceMonitor(stillEngine(figures))
  const leave = monitor.subscribe(() => {})
  // A busy machine makes long tasks of its own: what counts for an answer is what the browser tells of its time.
  const told: PerformanceEntry[] = []
  const observer = new PerformanceObserver((list) => told.push(...list.getEntries()))
  observer.observe({ type: 'longtask' })
  const read = async (work?: () => void) => {
    const from = performance.now()
    await readAll(figures.watchAnswer(null, written(1, work)))
    const to = performance.now()
    return () => told.filter(({ startTime, duration }) => startTime < to && startTime + duration > from).length
  }
  try {
    const first = await read()
    const second = await read(() => {
      const end = performance.now() + 120
      while (performance.now() < end);
    })
    await expect.poll(second).toBeGreaterThan(0)
    const tasks = () => monitor.getSnapshot().answers.map(({ longTasks }) => longTasks)
    await expect
      .poll(
        () =>
          tasks()
            .map((task) => task?.count)
            .join() === [first(), second()].join(),
      )
      .toBe(true)
    expect(tasks()[1]?.longest).toBeGreaterThanOrEqual(100)
  } finally {
    observer.disconnect()
    leave()
  }
})

test('whatever comes between two frames is told once, and fifty answers are remembered', async () => {
  const figures = new FigureLog()
  let frame: (() => void) | undefined
  const monitor = new PerformanceMonitor(stillEngine(figures), (callback) => {
    expect(frame).toBeUndefined()
    frame = () => {
      frame = undefined
      callback()
    }
    return () => {
      frame = undefined
    }
  })
  let told = 0
  const leave = monitor.subscribe(() => {
    told += 1
  })
  for (let index = 0; index < 60; index++) await readAll(figures.watchAnswer(null, written(3)))
  expect(told).toBe(0)
  frame?.()
  expect(told).toBe(1)
  const answers: readonly AnswerFigures[] = monitor.getSnapshot().answers
  expect(answers.map(({ answer: number }) => number)).toEqual(Array.from({ length: 50 }, (_, index) => index + 11))
  leave()
})
