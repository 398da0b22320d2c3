/** Writes the report: performance.md, performance.json and a chart for each measure. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chartOf } from './charts'
import { type About, chartName, markdownOf } from './markdown'
import { byMeasure, type Row } from './rows'

export function writeReport(out: string, rows: readonly Row[], about: About): void {
  mkdirSync(join(out, 'performance'), { recursive: true })
  writeFileSync(join(out, 'performance.json'), `${JSON.stringify(rows, null, 2)}\n`)
  writeFileSync(join(out, 'performance.md'), markdownOf(rows, about))
  for (const [measure, group] of byMeasure(rows)) {
    writeFileSync(join(out, chartName(measure)), chartOf(group))
  }
}
