/**
 * The app: the built page, driven through `window.valley`, which goes the way of the screens. As the peers do, it answers
 * greedily, without the captions that the pack would quote, and takes nothing of the clip from an earlier visit.
 */
import type { BrowserContext, Page } from 'playwright-core'
import { databaseName } from '../../../src/storage/database'
import type {
  AnswerStats,
  AskRequest,
  EncodedClip,
  EncodeOptions,
  GpuMemory,
  LanguageInfo,
  VisionInfo,
} from '../../../workers/protocol'
import { openBrowser } from '../../tools/app'
import { drivePlaywright, waitForEngine } from '../../tools/drive'
import { longAnswerTokens, longQuestion } from '../questions'
import { type Stage, visit } from '../visit'

export type Loaded = { readonly vision: VisionInfo; readonly language: LanguageInfo }
/** What the bench uses of the page's automation surface (src/assistant/automation.ts). */
export type Surface = {
  ready(): Promise<Loaded>
  encode(source: Blob, options: EncodeOptions): Promise<EncodedClip>
  ask(request: AskRequest): Promise<{ text: string; stats: AnswerStats }>
  forget(clipId: string): void
  gpuMemory(): Promise<Record<string, GpuMemory> | null>
}
declare const valley: Surface

export const greedy = { temperature: 0, beams: 1, repetitionPenalty: 1, quotes: false }

type Place = Pick<Stage, 'context' | 'url'>

/**
 * Every visit begins without a conversation: one that a visit through the screens left would be brought back, its clip
 * encoded again (nothing of it is kept) beside what is measured.
 */
const noConversations = `indexedDB.deleteDatabase(${JSON.stringify(databaseName)})`

/** @param parameters  of the page's address, beside those that every visit has */
export function open<T>(
  { context, url }: Place,
  work: (page: Page, loaded: Loaded) => Promise<T>,
  parameters: Readonly<Record<string, string>> = {},
): Promise<T> {
  const at = new URL(url)
  for (const [name, value] of Object.entries({ cache: 'off', ...parameters })) at.searchParams.set(name, value)
  const use = async (page: Page) => {
    const loaded = await waitForEngine(drivePlaywright(page))
    if ('error' in loaded) throw new Error(`the app did not load: ${JSON.stringify(loaded.error)}`)
    return work(page, loaded)
  }
  return visit(context, at.href, use, noConversations)
}

export const clipInput = '#bench-clip'

/** A file input of the bench's own; `clipFile()` gives there what it holds, for `valley.encode`, past the screens. */
export async function addInput(page: Page): Promise<void> {
  await page.evaluate((selector) => {
    const input = document.createElement('input')
    input.type = 'file'
    input.id = selector.slice(1)
    document.body.append(input)
    Object.assign(globalThis, { clipFile: () => input.files?.[0] })
  }, clipInput)
}

/** `open` with a clip in that input. */
export function openWith<T>(
  place: Place,
  clip: string,
  work: (page: Page, loaded: Loaded) => Promise<T>,
  parameters: Readonly<Record<string, string>> = {},
): Promise<T> {
  const choose = async (page: Page, loaded: Loaded) => {
    await addInput(page)
    await page.setInputFiles(clipInput, clip)
    return work(page, loaded)
  }
  return open(place, choose, parameters)
}

/** Loads once and tells on what it runs; its files and derived weights are cached from then on. */
export function visitOnce(place: Place): Promise<Loaded & { readonly browser: string }> {
  return open(place, async (page, loaded) => {
    const agent = await page.evaluate(() => navigator.userAgent)
    return { ...loaded, browser: agent.match(/(?:Headless)?Chrome\/\S+/)?.[0] ?? agent }
  })
}

/** A browser that was never here: an empty profile, thrown away after `work`. */
export async function inNewProfile<T>(work: (context: BrowserContext) => Promise<T>): Promise<T> {
  const browser = await openBrowser()
  try {
    return await work(browser.context)
  } finally {
    await browser.close()
  }
}

/** Milliseconds from the page's start until a question could be answered. */
export function start(place: Place): Promise<number> {
  const ready = (page: Page) =>
    page.evaluate(async () => {
      await valley.ready()
      return performance.now()
    })
  return visit(place.context, place.url, ready, noConversations)
}

export type Speeds = {
  /** Tokens a second. */
  readonly prefill: number
  /** Tokens a second, the first excluded. */
  readonly decode: number
  readonly text: string
}

/** A conversation of text alone: one long question, one long answer. */
export function chat(stage: Stage): Promise<Speeds> {
  return open(stage, async (page) => {
    const { text, stats } = await page.evaluate((request) => valley.ask(request), {
      clipId: null,
      turns: [],
      question: longQuestion,
      options: { ...greedy, maxNewTokens: longAnswerTokens },
    })
    // The system prompt was prefilled when the pack was loaded.
    const prefill = (1000 * (stats.promptTokens - stats.reusedTokens)) / stats.prefillMs
    return { prefill, decode: stats.tokensPerSecond, text }
  })
}
