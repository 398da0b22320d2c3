/** docs/performance.md: what was measured, on what, how, and what came of it. Pure. */
import { type Measure, type MeasureId, measures } from '../measures'
import { number } from './numbers'
import { byMeasure, type Row } from './rows'

export type About = {
  readonly command: string
  readonly repeats: number
  /** Day of the run, ISO. */
  readonly date: string
  readonly machine: string
  readonly browser: string
  /** What the app chose to run on. */
  readonly app: string
  readonly peers: string
}

export const chartName = (measure: MeasureId) => `performance/${measure}.svg`

const verdict = ({ ratio, bar }: Row) => (bar === null ? '' : ratio >= bar ? 'met' : '**missed**')

const range = (quartiles: readonly [number, number]) => quartiles.map(number).join('–')

function section(measure: MeasureId, rows: readonly Row[]): string {
  const { title, unit, better }: Measure = measures[measure]
  const lines = rows.map((row) => {
    const { peerName, ours, peer, ratio, bar, spread } = row
    const figures = [
      `${number(ours)} (${range(spread.ours.quartiles)})`,
      `${number(peer)} (${range(spread.peer.quartiles)})`,
      `${number(ratio)}×`,
      bar === null ? '' : `≥ ${bar}×`,
      verdict(row),
    ]
    return `| ${[peerName, ...figures].join(' | ')} |`
  })
  return [
    `## ${title}`,
    '',
    `${unit}, ${better} is better. \`${measure}\``,
    '',
    '| against | ours | peer | ours is better | bar | |',
    '|---|---|---|---|---|---|',
    ...lines,
    '',
    `![${title}: medians](${chartName(measure)})`,
    '',
  ].join('\n')
}

const method = `Medians, quartiles in brackets. The contenders take turns in one Chromium: each visit opens a page, loads the model from
the browser's caches, does its work and closes the page. Everyone gets the same clip, the same questions and the same number of
threads, and answers greedily without a repetition penalty; the app leaves out the captions that its pack would quote, and takes
nothing of the clip from an earlier visit.

- **transformers.js**: its \`load_video\` and its image processor at their settings, the app's own ONNX graphs and weights in its
  sessions, in a worker; every question begins with the file, as in that library's video examples. What it has no code for (the
  projector, the cache of keys and values) is the app's.
- **wllama**: llama.cpp in WASM. The Q8_0 file is the app's base with its Q4_1 matrices written as Q8_0 (rounded to the nearest
  code). Text only; speeds are those that llama.cpp itself reports, without the first token.
- **Time to first token** is from the question (of the first question: from the file) to the first token of the answer, as the page
  sees it. Decoding leaves the first token out. Prefill counts the positions that were run.
`

/** The whole document. Measures without rows are left out. */
export function markdownOf(rows: readonly Row[], about: About): string {
  return [
    '# Performance: measured side by side',
    '',
    `Written by \`${about.command}\` on ${about.date}, ${about.repeats} ${about.repeats === 1 ? 'visit' : 'visits'} to each.`,
    '',
    `- Machine: ${about.machine}`,
    `- Browser: ${about.browser}`,
    `- The app chose: ${about.app}`,
    `- Peers: ${about.peers}`,
    '',
    method,
    ...Array.from(byMeasure(rows), ([measure, group]) => section(measure, group)),
  ].join('\n')
}
