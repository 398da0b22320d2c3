/** Writes the report: performance.md, performance.json and its charts. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf, growthChart } from './charts'
import { growthTables } from './growth-table'
import { type About, chartName, growthChartName, hasChart, markdownOf } from './markdown'
import { grouped, mergedRows, type Row } from './rows'

/** Rows of the report that is there stay where they were not measured again; see `mergedRows`. */
export function writeReport(out: string, measured: readonly Row[], about: About): void {
  mkdirSync(join(out, 'performance'), { recursive: true })
  const data = join(out, 'performance.json')
  const before = existsSync(data) ? (JSON.parse(readFileSync(data, 'utf8')) as Row[]) : []
  const rows = mergedRows(before, measured, about)
  writeFileSync(data, `${JSON.stringify(rows, null, 2)}\n`)
  writeFileSync(join(out, 'performance.md'), markdownOf(rows, about))
  for (const [measure, group] of grouped(rows, (row) => row.measure)) {
    if (hasChart(group)) writeFileSync(join(out, chartName(measure)), chartOf(group))
  }
  for (const table of growthTables(rows)) writeFileSync(join(out, growthChartName(table.variable)), growthChart(table))
}
