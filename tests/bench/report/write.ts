/** Writes the report: performance.md, performance.json and its charts. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf, growthChart } from './charts'
import { growthTables } from './growth-table'
import { type About, chartName, growthChartName, hasChart, markdownOf } from './markdown'
import { grouped, type Row } from './rows'

export function writeReport(out: string, rows: readonly Row[], about: About): void {
  mkdirSync(join(out, 'performance'), { recursive: true })
  writeFileSync(join(out, 'performance.json'), `${JSON.stringify(rows, null, 2)}\n`)
  writeFileSync(join(out, 'performance.md'), markdownOf(rows, about))
  for (const [measure, group] of grouped(rows, (row) => row.measure)) {
    if (hasChart(group)) writeFileSync(join(out, chartName(measure)), chartOf(group))
  }
  for (const table of growthTables(rows)) writeFileSync(join(out, growthChartName(table.variable)), growthChart(table))
}
