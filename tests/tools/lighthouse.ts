/**
 * Lighthouse's scores of the built app on a first visit, against what the product asks for: the median of each score
 * over several runs. Reports go to tests/.artifacts/lighthouse. `npm run lighthouse [-- RUNS [desktop|mobile]]`
 *
 * npx fetches Lighthouse at the version below. It is no dependency of the project: it would more than double what the
 * tests install, and nothing else uses it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { serveApp } from './app'
import { findChromium } from './chromium'

const version = '12.8.2'
/** Lowest scores, 0 to 100. */
const asked = { accessibility: 95, 'best-practices': 95, performance: 90 } as const
type Category = keyof typeof asked
const categories = Object.keys(asked) as Category[]
const presets = ['desktop', 'mobile'] as const
type Preset = (typeof presets)[number]

/** What is read of a report: scores and weights from 0 to 1. */
type Report = {
  categories: Record<Category, { score: number | null; auditRefs: { id: string; weight: number }[] }>
  audits: Record<string, { score: number | null; title: string; displayValue?: string }>
}

const out = resolve(import.meta.dirname, '../.artifacts/lighthouse')

/** On a busy machine Lighthouse may miss the start of its own trace, and says to run it again. */
const attempts = 2
/** ms for one run; npx' first fetch is among it. */
const patience = 180_000

async function measure(url: string, preset: Preset, run: number, attempt = 1): Promise<Report> {
  const path = join(out, `${preset}-${run}`)
  const lighthouse = spawn(
    'npx',
    [
      '--yes',
      `lighthouse@${version}`,
      url,
      '--quiet',
      '--no-enable-error-reporting',
      `--only-categories=${categories.join(',')}`,
      '--output=json,html',
      `--output-path=${path}`,
      '--chrome-flags=--headless=new --no-sandbox',
      ...(preset === 'desktop' ? ['--preset=desktop'] : []),
    ],
    {
      timeout: patience,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, CHROME_PATH: findChromium() },
    },
  )
  const [status] = await once(lighthouse, 'exit')
  if (status !== 0) {
    if (attempt < attempts) return measure(url, preset, run, attempt + 1)
    throw new Error(`lighthouse ended with ${status}`)
  }
  return JSON.parse(readFileSync(`${path}.report.json`, 'utf8')) as Report
}

const scoreOf = (report: Report, category: Category) => Math.round((report.categories[category].score ?? 0) * 100)

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
}

/** What costs points in a report, a line each. */
const shortcomings = ({ categories: rated, audits }: Report): string[] =>
  categories.flatMap((category) =>
    rated[category].auditRefs.flatMap(({ id, weight }) => {
      const audit = audits[id]
      if (!audit || weight === 0 || audit.score === null || audit.score >= 0.9) return []
      return [`${category}: ${audit.title} ${audit.displayValue ?? ''}`]
    }),
  )

mkdirSync(out, { recursive: true })
const [runs = '3', only] = process.argv.slice(2)
const app = await serveApp()
let enough = true
try {
  for (const preset of presets.filter((name) => !only || name === only)) {
    const reports: Report[] = []
    // One after another: side by side they would slow each other down.
    while (reports.length < Number(runs)) reports.push(await measure(app.url, preset, reports.length))
    for (const category of categories) {
      const scores = reports.map((report) => scoreOf(report, category))
      const score = median(scores)
      enough &&= score >= asked[category]
      console.log(`${preset} ${category}: ${score} (asked: ${asked[category]}; runs: ${scores.join(', ')})`)
    }
    for (const line of new Set(reports.flatMap(shortcomings))) console.log(`  ${line}`)
  }
} finally {
  await app.close()
}
process.exitCode = enough ? 0 : 1
