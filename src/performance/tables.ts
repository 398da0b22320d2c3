import type { TFunction } from 'i18next'
import type { Backend, LedgerSnapshot } from '../../workers/protocol'
import { codecName, formatBytes, formatNumber, formatTime, formatTiming } from '../app/format'
import type { AnswerFigures } from './figures'
import type { Figures } from './monitor'

/** Figures as people read them. A row has one value a column, or a single one that holds for all of them. */
export type FigureTable = {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly {
    readonly name: string
    readonly values: readonly string[]
    /** The values are names of products, formats or of the code, the same in every language. */
    readonly names?: true
  }[]
}

type Words = { readonly t: TFunction; readonly language: string }
type Row = FigureTable['rows'][number]

/** What is not known, or does not apply. */
const unknown = '–'

/** @param newest  so many clips and answers, the newest first */
export function figureTables(figures: Figures, newest: number, words: Words): readonly FigureTable[] {
  return [
    modelTable(figures, words),
    clipsTable(figures.clips.slice(-newest).reverse(), words),
    answersTable(figures.answers.slice(-newest).reverse(), words),
    memoryTable(figures, words),
  ]
}

/** The newest answer in a few words: when it began, how fast it went on; null before there is one. */
export function headline({ answers }: Figures, { t, language }: Words): string | null {
  const stats = answers.findLast((answer) => answer.stats)?.stats
  if (!stats) return null
  const speed = stats.tokensPerSecond
  const first = `${t('stats.first')} ${formatTiming(stats.timeToFirstToken, language)}`
  return speed > 0 ? `${first} · ${t('stats.perSecond', { value: formatNumber(speed, language, 1) })}` : first
}

const backendName = (backend: Backend, t: TFunction) => (backend === 'webgpu' ? t('engine.gpu') : t('engine.cpu'))

function modelTable({ engine }: Figures, { t, language }: Words): FigureTable {
  const vision = engine.vision.status === 'ready' ? engine.vision.info : null
  const writing = engine.language.status === 'ready' ? engine.language.info : null
  const threads = writing?.backend === 'wasm' ? [t('engine.threads', { count: writing.threads })] : []
  const weights = writing && (writing.cached ? t('performance.weightsKept') : t('performance.weightsMade'))
  return {
    title: t('performance.model'),
    columns: [t('engine.vision'), t('engine.language')],
    rows: [
      {
        name: t('stats.runs'),
        values: [
          vision ? backendName(vision.backend, t) : unknown,
          writing ? [backendName(writing.backend, t), ...threads].join(' · ') : unknown,
        ],
      },
      { name: t('performance.adapter'), values: [vision?.adapter || unknown], names: true },
      {
        name: t('performance.loaded'),
        values: [vision, writing].map((info) => (info ? formatTiming(info.loadMs, language) : unknown)),
      },
      { name: t('performance.weights'), values: [unknown, weights ?? unknown] },
    ],
  }
}

function clipsTable(clips: Figures['clips'], { t, language }: Words): FigureTable {
  const row = (name: string, value: (clip: Figures['clips'][number]) => string): Row => ({
    name,
    values: clips.map(value),
  })
  const time = (milliseconds: number) => formatTiming(milliseconds, language)
  return {
    title: t('performance.clips'),
    columns: clips.map(({ clip }) => t('performance.clip', { number: clip })),
    rows: [
      {
        ...row(t('performance.media'), ({ kind, codec, width, height, duration }) =>
          [codecName(codec), `${width}×${height}`, ...(kind === 'video' ? [formatTime(duration)] : [])].join(' '),
        ),
        names: true,
      },
      row(t('performance.open'), ({ open }) => time(open)),
      row(t('performance.decode'), ({ decode }) => time(decode)),
      row(t('performance.encode'), ({ encode }) => time(encode)),
      row(t('performance.total'), ({ total }) => time(total)),
      row(t('stats.frames'), ({ frames }) => formatNumber(frames, language)),
      row(t('performance.framesPerSecond'), ({ frames, total, fromCache }) =>
        fromCache || total === 0 ? unknown : formatNumber((1000 * frames) / total, language, 1),
      ),
      row(t('performance.tokens'), ({ tokens }) => formatNumber(tokens, language)),
      row(t('performance.fromCache'), ({ fromCache }) => (fromCache ? t('performance.yes') : t('performance.no'))),
    ],
  }
}

function answersTable(answers: Figures['answers'], { t, language }: Words): FigureTable {
  type Stats = NonNullable<AnswerFigures['stats']>
  const row = (name: string, value: (answer: Figures['answers'][number]) => string): Row => ({
    name,
    values: answers.map(value),
  })
  const stat = (name: string, value: (stats: Stats) => string): Row =>
    row(name, ({ stats }) => (stats ? value(stats) : unknown))
  const ended = ({ ended }: AnswerFigures) => {
    if (ended === 'end') return t('performance.ended')
    if (ended === 'length') return t('performance.cut')
    return ended === 'aborted' ? t('performance.stopped') : t('performance.failed', { code: ended })
  }
  return {
    title: t('performance.answers'),
    columns: answers.map(({ answer }) => t('performance.answer', { number: answer })),
    rows: [
      row(t('performance.about'), ({ clip }) => (clip === null ? unknown : t('performance.clip', { number: clip }))),
      stat(t('stats.first'), ({ timeToFirstToken }) => formatTiming(timeToFirstToken, language)),
      stat(t('performance.prompt'), ({ promptTokens }) => formatNumber(promptTokens, language)),
      stat(t('performance.reused'), ({ reusedTokens }) => formatNumber(reusedTokens, language)),
      stat(t('performance.prefill'), ({ prefillMs }) => formatTiming(prefillMs, language)),
      stat(t('performance.written'), ({ newTokens }) => formatNumber(newTokens, language)),
      stat(t('performance.tokensPerSecond'), ({ tokensPerSecond }) =>
        tokensPerSecond > 0 ? formatNumber(tokensPerSecond, language, 1) : unknown,
      ),
      row(t('performance.end'), ended),
      row(t('performance.longTasks'), ({ longTasks }) => {
        if (!longTasks) return unknown
        const { count, longest } = longTasks
        if (count === 0) return t('performance.none')
        return t('performance.tasks', { count, longest: formatTiming(longest, language) })
      }),
    ],
  }
}

function memoryTable({ memory: { open, gpu, heap, storage } }: Figures, { t, language }: Words): FigureTable {
  const size = (bytes: number | undefined) => (bytes === undefined ? unknown : formatBytes(bytes, language))
  const list = (ledger: LedgerSnapshot = {}) =>
    Object.entries(ledger)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(' · ') || unknown
  const workers = ['vision', 'language'] as const
  return {
    title: t('performance.memory'),
    columns: [t('engine.vision'), t('engine.language')],
    rows: [
      { name: t('performance.openResources'), values: workers.map((worker) => list(open?.[worker])), names: true },
      { name: t('performance.gpu'), values: workers.map((worker) => size(gpu?.[worker].bytes)) },
      { name: t('performance.gpuPeak'), values: workers.map((worker) => size(gpu?.[worker].peakBytes)) },
      { name: t('performance.heap'), values: [size(heap ?? undefined)] },
      {
        name: t('storage.title'),
        values: [
          storage ? t('performance.storage', { usage: size(storage.usage), quota: size(storage.quota) }) : unknown,
        ],
      },
    ],
  }
}
