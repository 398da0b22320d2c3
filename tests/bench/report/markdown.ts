/** docs/performance.md: what was measured, on what, how, and what came of it. Pure. */
import {
  type Group,
  groups,
  type Measure,
  type MeasureId,
  measures,
  type PeerName,
  peerNames,
  type Variable,
} from '../measures'
import { type GrowthTable, growthTables } from './growth-table'
import { method, notes } from './method'
import { number } from './numbers'
import { grouped, type Origin, type Row } from './rows'

export type About = Origin & {
  /** What the app chose to run on. */
  readonly app: string
  readonly peers: string
  /** What could not be measured, and why. */
  readonly missing: readonly string[]
}

export const chartName = (measure: MeasureId) => `performance/${measure}.svg`
export const growthChartName = (variable: Variable) => `performance/growth-${variable}.svg`

const measureOf = (row: Row): Measure => measures[row.measure]

/** Only where somebody else was measured: two bars of our own say no more than their row. */
export const hasChart = (rows: readonly Row[]) =>
  rows.some((row) => peerNames.includes(row.peerName as PeerName) && measureOf(row).group !== 'growth')

const verdict = ({ ratio, bar }: Row) => (bar === null ? '' : ratio >= bar ? 'met' : '**missed**')
const range = (quartiles: readonly [number, number]) => quartiles.map(number).join('–')
const visits = (count: number) => `${count} ${count === 1 ? 'visit' : 'visits'}`
const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`

function tableLine(row: Row): string {
  const { measure, peerName, ours, peer, ratio, bar, spread, date } = row
  const { title, unit, better } = measureOf(row)
  return line([
    `${title} (${unit}, ${better} is better), \`${measure}\``,
    `${number(ours)} (${range(spread.ours.quartiles)})`,
    peerName,
    `${number(peer)} (${range(spread.peer.quartiles)})`,
    `${number(ratio)}×`,
    bar === null ? '' : `≥ ${Number(bar.toPrecision(3))}×`,
    verdict(row),
    `${date}, ${visits(spread.ours.repeats)}`,
  ])
}

function growthSection(table: GrowthTable): string[] {
  const { variable, columns, points, dates } = table
  const heads = columns.flatMap((title) => [`${title}, ms`, 'theory, ms'])
  return [
    line([variable, ...heads]),
    line(['---', ...heads.map(() => '---')]),
    ...points.map(({ at, cells }) =>
      line([String(at), ...cells.flatMap((cell) => (cell ? [number(cell.ours), number(cell.theory)] : ['', '']))]),
    ),
    '',
    `Measured on ${dates.join(', ')}.`,
    '',
    `![Growth with ${variable}](${growthChartName(variable)})`,
    '',
  ]
}

function section(group: Group, rows: readonly Row[]): string {
  const head = [`## ${groups[group]}`, '', notes[group], '']
  if (group === 'growth') return [...head, ...growthTables(rows).flatMap(growthSection)].join('\n')
  const charts = [...grouped(rows, (row) => row.measure)].flatMap(([measure, own]) =>
    hasChart(own) ? [`![${measures[measure].title}: medians](${chartName(measure)})`] : [],
  )
  return [
    ...head,
    line(['measure', 'ours', 'against', 'theirs', 'ours is better', 'bar', '', 'measured']),
    line(new Array<string>(8).fill('---')),
    ...rows.map(tableLine),
    '',
    ...(charts.length > 0 ? [...charts, ''] : []),
  ].join('\n')
}

/** The whole document. Measures without rows are left out. */
export function markdownOf(rows: readonly Row[], about: About): string {
  return [
    '# Performance: measured side by side',
    '',
    `Last written by \`${about.command}\` on ${about.date}. What a run does not measure stays as it was measured last, on this machine and in this browser; each row tells when, and with how many visits.`,
    '',
    `- Machine: ${about.machine}`,
    `- Browser: ${about.browser}`,
    `- The app chose: ${about.app}`,
    `- Peers: ${about.peers}`,
    ...about.missing.map((sentence) => `- Not measured: ${sentence}`),
    '',
    method,
    ...Array.from(
      grouped(rows, (row) => measureOf(row).group),
      ([group, own]) => section(group, own),
    ),
  ].join('\n')
}
