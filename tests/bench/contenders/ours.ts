/**
 * The app: the built page, driven through `window.valley`, which goes the way of the screens. As the peers do, it answers
 * greedily, without the captions that the pack would quote, and takes nothing of the clip from an earlier visit.
 */
import type { Page } from 'playwright-core'
import type { EncodedClip, LanguageInfo, VisionInfo } from '../../../workers/protocol'
import { drivePlaywright, waitForEngine } from '../../tools/drive'
import { clipAnswerTokens, clipQuestions, longAnswerTokens, longQuestion } from '../questions'
import { type Stage, visit } from '../visit'

export type Loaded = { readonly vision: VisionInfo; readonly language: LanguageInfo }
type Surface = {
  encode(source: Blob, options: { clipId: string; name: string }): Promise<EncodedClip>
  ask(request: unknown): Promise<{
    text: string
    stats: { promptTokens: number; reusedTokens: number; newTokens: number; prefillMs: number; tokensPerSecond: number }
  }>
}
declare const valley: Surface

const greedy = { temperature: 0, beams: 1, repetitionPenalty: 1, quotes: false }

async function open<T>(
  { context, url }: Pick<Stage, 'context' | 'url'>,
  work: (page: Page, loaded: Loaded) => Promise<T>,
) {
  return visit(context, new URL('?cache=off', url).href, async (page) => {
    const loaded = await waitForEngine(drivePlaywright(page))
    if ('error' in loaded) throw new Error(`the app did not load: ${JSON.stringify(loaded.error)}`)
    return work(page, loaded)
  })
}

/** Loads once and tells on what it runs; its files and derived weights are cached from then on. */
export function visitOnce(stage: Pick<Stage, 'context' | 'url'>): Promise<Loaded & { readonly browser: string }> {
  return open(stage, async (page, loaded) => {
    const agent = await page.evaluate(() => navigator.userAgent)
    return { ...loaded, browser: agent.match(/(?:Headless)?Chrome\/\S+/)?.[0] ?? agent }
  })
}

export type Answered = {
  readonly question: string
  readonly answer: string
  /** From the question; of the first, from the file. */
  readonly firstTokenMs: number
}

/** A file input of the bench's own: what it holds goes to `valley.encode`, past the screens. */
async function addInput(page: Page): Promise<void> {
  await page.evaluate(() => {
    const input = document.createElement('input')
    input.type = 'file'
    input.id = 'bench-clip'
    document.body.append(input)
  })
}

/** Opens the clip, asks ten questions about it. */
export function talk(stage: Stage, clip: string): Promise<Answered[]> {
  return open(stage, async (page) => {
    await addInput(page)
    await page.setInputFiles('#bench-clip', clip)
    return page.evaluate(
      async ({ questions, options }) => {
        const file = document.querySelector<HTMLInputElement>('#bench-clip')?.files?.[0]
        if (!file) throw new Error('no clip was chosen')
        const answered = []
        let asked = performance.now()
        const { clipId } = await valley.encode(file, { clipId: 'bench', name: file.name })
        for (const question of questions) {
          const turns = answered.map(({ question, answer }) => ({ question, answer }))
          const { text, stats } = await valley.ask({ clipId, turns, question, options })
          const decodeMs = stats.newTokens > 1 ? (1000 * (stats.newTokens - 1)) / stats.tokensPerSecond : 0
          answered.push({ question, answer: text.trim(), firstTokenMs: performance.now() - asked - decodeMs })
          asked = performance.now()
        }
        return answered
      },
      { questions: clipQuestions, options: { ...greedy, maxNewTokens: clipAnswerTokens } },
    )
  })
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
