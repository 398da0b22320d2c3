/** What is asked of the app about clips. Milliseconds throughout. */
import type { Page } from 'playwright-core'
import type { EncodedClip, Turn } from '../../../workers/protocol'
import { askQuestion, drivePlaywright, openClip } from '../../tools/drive'
import { clipAnswerTokens, clipQuestions } from '../questions'
import { type Stage, whileChoosing } from '../visit'
import { addInput, clipInput, greedy, open, openWith, type Surface } from './ours'

declare const valley: Surface
/** Of `openWith`. */
declare const clipFile: () => File

export type Answered = Turn & {
  /** From the question; of the first, from the file. */
  readonly firstTokenMs: number
  /** Positions that were prefilled for it. */
  readonly positions: number
}

/**
 * Opens the clip, asks `questions` about it in one conversation.
 * @param atOnce  the clip does not wait for a person to choose it
 * @param parameters  of the page's address
 */
export function talk(
  stage: Stage,
  clip: string,
  questions: readonly string[] = clipQuestions,
  { maxNewTokens = clipAnswerTokens, atOnce = false, parameters = {} } = {},
): Promise<Answered[]> {
  const ask = async (page: Page) => {
    if (!atOnce) await whileChoosing(page)
    return page.evaluate(
      async ({ questions, options }) => {
        const answered: Answered[] = []
        let asked = performance.now()
        const { clipId } = await valley.encode(clipFile(), { clipId: 'bench', name: 'clip' })
        for (const question of questions) {
          const turns = answered.map(({ question, answer }) => ({ question, answer }))
          const { text, stats } = await valley.ask({ clipId, turns, question, options })
          const decodeMs = stats.newTokens > 1 ? (1000 * (stats.newTokens - 1)) / stats.tokensPerSecond : 0
          const firstTokenMs = performance.now() - asked - decodeMs
          const positions = stats.promptTokens - stats.reusedTokens
          answered.push({ question, answer: text.trim(), firstTokenMs, positions })
          asked = performance.now()
        }
        return answered
      },
      { questions, options: { ...greedy, maxNewTokens } },
    )
  }
  return openWith(stage, clip, ask, parameters)
}

export type Encoded = {
  /** From the file to the tokens, as the page sees it. */
  readonly wallMs: number
  readonly timings: EncodedClip['timings']
}

/** Encodes each of the clips with `frames` frames. */
export function encodeEach(stage: Stage, clips: readonly string[], frames: number): Promise<Encoded[]> {
  return open(stage, async (page) => {
    await addInput(page)
    const encoded: Encoded[] = []
    for (const clip of clips) {
      await page.setInputFiles(clipInput, clip)
      const once = await page.evaluate(async (frames) => {
        const started = performance.now()
        const { timings } = await valley.encode(clipFile(), { clipId: 'bench', name: 'clip', frames })
        return { wallMs: performance.now() - started, timings }
      }, frames)
      encoded.push(once)
    }
    return encoded
  })
}

/** https://wicg.github.io/performance-measure-memory/, which the DOM's types lack. */
type MeasuringPerformance = Performance & { measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }> }

export type Memory = {
  /** Bytes of the page and its workers, the most that the browser's own measure gave. */
  readonly js: number
  /** Bytes that the workers' ledgers counted at most. */
  readonly gpu: number
}

/** Encodes the clip on WebGPU, where GPU memory is needed, and asks one question; memory is looked at all the while. */
export function memoryOf(stage: Stage, clip: string): Promise<Memory> {
  const work = (page: Page) =>
    page.evaluate(
      async ({ question, options }) => {
        let peak = 0
        let done = false
        const watching = (async () => {
          do {
            const { bytes } = await (performance as MeasuringPerformance).measureUserAgentSpecificMemory()
            peak = Math.max(peak, bytes)
          } while (!done)
        })()
        const { clipId } = await valley.encode(clipFile(), { clipId: 'bench', name: 'clip' })
        await valley.ask({ clipId, turns: [], question, options })
        done = true
        await watching
        const ledgers = Object.values((await valley.gpuMemory()) ?? {})
        return { js: peak, gpu: ledgers.reduce((sum, { peakBytes }) => sum + peakBytes, 0) }
      },
      { question: clipQuestions[0], options: { ...greedy, maxNewTokens: clipAnswerTokens } },
    )
  return openWith(stage, clip, work, { vision: 'webgpu' })
}

/** How many tasks of the main thread took over 50 ms while a question about the clip was answered on the screens. */
export function longTasks(stage: Stage, clip: string): Promise<number> {
  return open(stage, async (page) => {
    const driven = drivePlaywright(page)
    const { errors } = await openClip(driven, clip)
    if (errors[0]) throw new Error(`the clip was refused: ${errors[0].code}`)
    await page.evaluate(() => {
      const seen: PerformanceEntry[] = []
      const observer = new PerformanceObserver((list) => seen.push(...list.getEntries()))
      observer.observe({ type: 'longtask' })
      Object.assign(globalThis, { longTasks: () => [...seen, ...observer.takeRecords()].length })
    })
    const turn = await askQuestion(driven, clipQuestions[0])
    if (turn.status !== 'done') throw new Error(`the answer ended as ${turn.status}`)
    return page.evaluate(() => (globalThis as unknown as { longTasks(): number }).longTasks())
  })
}

export type Growth = {
  readonly frames: number
  readonly tokensMs: number
  /** Positions that were prefilled, and the time from the question to the first token. */
  readonly positions: number
  readonly firstTokenMs: number
}

/** Encodes the clip with each plan of moments (null: the pack's) and asks one question each time. */
export function growing(stage: Stage, clip: string, plans: readonly (readonly number[] | null)[]): Promise<Growth[]> {
  return openWith(stage, clip, (page) =>
    page.evaluate(
      async ({ plans, question, options }) => {
        const grown: Growth[] = []
        for (const [index, moments] of plans.entries()) {
          const clipId = `bench-${index}`
          const started = performance.now()
          const encoding = { clipId, name: 'clip', ...(moments ? { moments } : {}) }
          const { timestamps } = await valley.encode(clipFile(), encoding)
          const asked = performance.now()
          const { stats } = await valley.ask({ clipId, turns: [], question, options })
          grown.push({
            frames: timestamps.length,
            tokensMs: asked - started,
            positions: stats.promptTokens - stats.reusedTokens,
            firstTokenMs: performance.now() - asked,
          })
          valley.forget(clipId)
        }
        return grown
      },
      { plans, question: clipQuestions[0], options: { ...greedy, maxNewTokens: 1 } },
    ),
  )
}
