/** Drives the page as a person would (file button, composer, stop) and reads what it shows through `window.valley`. */
import { basename } from 'node:path'
import type { Page } from 'playwright-core'
import type { ElementHandle, Page as PuppeteerPage } from 'puppeteer-core'
import type { AnswerStats, EncodedClip, LanguageInfo, LedgerSnapshot, VisionInfo } from '../../workers/protocol'

/** An error as plain data; the page's `describeError` makes it. */
export type PlainError = { code: string; data: Record<string, unknown>; message: string }
export type PlainTurn = {
  question: string
  answer: string
  status: 'waiting' | 'reading' | 'writing' | 'done' | 'stopped' | 'failed'
  reason: 'end' | 'length' | null
  stats: AnswerStats | null
  /** Frames that the answer speaks of; null until they were looked for. */
  evidence: object | null
  error: PlainError | null
}
export type PlainTranscript = {
  /** The tab's title, which begins with the name of the clip that is shown. */
  title: string
  clip: EncodedClip | null
  turns: PlainTurn[]
  errors: PlainError[]
}
export type LoadOutcome = { vision: VisionInfo; language: LanguageInfo } | { error: PlainError }

type PageSurface = {
  ready(): Promise<{ vision: VisionInfo; language: LanguageInfo }>
  ledgers(): Promise<{ vision: LedgerSnapshot; language: LedgerSnapshot }>
  transcript(): {
    clip: EncodedClip | null
    turns: (Omit<PlainTurn, 'error'> & { error: unknown })[]
    errors: unknown[]
  }
  describeError(thrown: unknown): PlainError
}
declare const valley: PageSurface

/** What driving needs of a browser's page; Chromium comes through Playwright, Firefox through Puppeteer. */
export type Driven = {
  evaluate<T>(body: () => T | Promise<T>): Promise<T>
  /** Hands files to the page's own file input. */
  chooseFiles(...paths: string[]): Promise<void>
  /** Writes into the composer and presses Enter. */
  submit(text: string): Promise<void>
}

const composer = 'textarea#question'

export function drivePlaywright(page: Page): Driven {
  return {
    evaluate: (body) => page.evaluate(body) as never,
    chooseFiles: (...paths) => page.locator('input[type=file][accept*=video]').first().setInputFiles(paths),
    submit: async (text) => {
      await page.fill(composer, text)
      await page.press(composer, 'Enter')
    },
  }
}

export function drivePuppeteer(page: PuppeteerPage): Driven {
  return {
    evaluate: (body) => page.evaluate(body) as never,
    chooseFiles: async (...paths) => {
      const input = (await page.waitForSelector(
        'input[type=file][accept*=video]',
      )) as ElementHandle<HTMLInputElement> | null
      await input?.uploadFile(...paths)
    },
    submit: async (text) => {
      await page.waitForSelector(composer)
      await page.focus(composer)
      await page.keyboard.type(text)
      await page.keyboard.press('Enter')
    },
  }
}

/** Code, data and message; the page's own stack is of no use to whoever reads this. */
const withoutStack = ({ code, data, message }: PlainError): PlainError => ({ code, data, message })

/** Waits until both workers have loaded the pack. */
export async function waitForEngine(page: Driven): Promise<LoadOutcome> {
  const outcome = await page.evaluate(async (): Promise<LoadOutcome> => {
    try {
      return await valley.ready()
    } catch (thrown) {
      return { error: valley.describeError(thrown) }
    }
  })
  return 'error' in outcome ? { error: withoutStack(outcome.error) } : outcome
}

export async function readTranscript(page: Driven): Promise<PlainTranscript> {
  const read = await page.evaluate(() => {
    const { clip, turns, errors } = valley.transcript()
    return {
      title: document.title,
      clip,
      turns: turns.map((turn) => ({ ...turn, error: turn.error ? valley.describeError(turn.error) : null })),
      errors: errors.map((error) => valley.describeError(error)),
    }
  })
  return {
    title: read.title,
    clip: read.clip,
    turns: read.turns.map((turn) => ({ ...turn, error: turn.error ? withoutStack(turn.error) : null })),
    errors: read.errors.map(withoutStack),
  }
}

export function readLedgers(page: Driven): Promise<{ vision: LedgerSnapshot; language: LedgerSnapshot }> {
  return page.evaluate(() => valley.ledgers())
}

/** Polls the transcript until `done` accepts it. Throws with the last transcript after `timeout` ms. */
export async function waitFor(
  page: Driven,
  done: (transcript: PlainTranscript) => boolean,
  timeout: number,
): Promise<PlainTranscript> {
  const end = Date.now() + timeout
  for (;;) {
    const transcript = await readTranscript(page)
    if (done(transcript)) return transcript
    if (Date.now() > end) throw new Error(`still not there after ${timeout} ms: ${JSON.stringify(transcript)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Opens a clip; resolves when it is encoded or refused. */
export async function openClip(page: Driven, path: string, timeout = 180_000): Promise<PlainTranscript> {
  const before = await readTranscript(page)
  await page.chooseFiles(path)
  // The clip of an earlier visit may be coming back at the same time: what is shown must be this one.
  const isNew = ({ clip, title }: PlainTranscript) =>
    clip !== null && clip.clipId !== before.clip?.clipId && title.startsWith(basename(path))
  return waitFor(page, (now) => now.errors.length > before.errors.length || isNew(now), timeout)
}

const ended = (turn: PlainTurn | undefined) =>
  turn !== undefined && (turn.status === 'done' || turn.status === 'stopped' || turn.status === 'failed')

/** Asks through the composer; resolves with the turn when its answer ends. */
export async function askQuestion(page: Driven, question: string, timeout = 180_000): Promise<PlainTurn> {
  const { turns } = await readTranscript(page)
  await page.submit(question)
  const after = await waitFor(page, (t) => t.turns.length > turns.length && ended(t.turns.at(-1)), timeout)
  const turn = after.turns.at(-1)
  if (!turn) throw new Error('the question never became a turn')
  return turn
}
