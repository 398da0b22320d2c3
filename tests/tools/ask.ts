/**
 * `npm run ask -- CLIP "question" ["next question" …]`: the product, driven from a shell. The built page in headless
 * Chromium opens the clip with its own file button, the questions go through its composer; the outcome is JSON.
 */
import { existsSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, openPage, serveApp } from './app'
import {
  askQuestion,
  type Driven,
  drivePlaywright,
  openClip,
  type PlainError,
  type PlainTurn,
  readLedgers,
  waitForEngine,
} from './drive'

const usage = `npm run ask -- [options] CLIP "question" ["next question" …]

  --vision wasm|webgpu     forces the vision backend
  --language wasm|webgpu   forces the decoder's backend
  --flavour NAME           forces a decoder graph: int8, q8f32, q8f16 or f32
  --frames N               upper bound of sampled frames
  --pack PATH              another pack.json, as a path on the page's origin
  --beams N                hypotheses of the answer search, 1 to 3 (default: the pack's)
  --length-penalty X       a finished hypothesis counts its log p / length ** X
  --repetition-penalty X   1 is none
  --max-new-tokens N       where an answer is cut
  --no-quotes              without the captions of similar scenes that the pack quotes
  --no-cache               encodes and prefills the clip even where an earlier run did
  --fresh                  a throw-away browser profile: nothing cached from earlier runs
  --timeout SECONDS        for each step (default 300)

Prints JSON. Exit status: 0 answered; 2 wrong arguments; 3 the clip or a question was refused ("error" has the code).`

/** Options that go to the page as they are, in its address; its reader is src/app/parameters.ts. */
const names = ['vision', 'language', 'flavour', 'pack'] as const
const numbers = ['frames', 'beams', 'length-penalty', 'repetition-penalty', 'max-new-tokens'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    vision: { type: 'string' },
    language: { type: 'string' },
    flavour: { type: 'string' },
    pack: { type: 'string' },
    frames: { type: 'string' },
    beams: { type: 'string' },
    'length-penalty': { type: 'string' },
    'repetition-penalty': { type: 'string' },
    'max-new-tokens': { type: 'string' },
    'no-quotes': { type: 'boolean', default: false },
    'no-cache': { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '300' },
    help: { type: 'boolean', default: false },
  },
})
const [clipPath, ...questions] = positionals
if (values.help || !clipPath || questions.length === 0) {
  console.error(usage)
  process.exit(values.help ? 0 : 2)
}
for (const name of numbers) {
  if (values[name] === undefined || Number(values[name]) >= 0) continue
  console.error(`--${name} ${values[name]}: a number was expected`)
  process.exit(2)
}
const path = resolve(process.env.INIT_CWD ?? '.', clipPath)
if (!existsSync(path) || !statSync(path).isFile()) {
  console.log(
    JSON.stringify({ clip: clipPath, error: { code: 'file-unreadable', data: { name: basename(path) } } }, null, 2),
  )
  process.exit(3)
}

function query(): string {
  const parameters = new URLSearchParams()
  for (const key of [...names, ...numbers]) {
    const value = values[key]
    if (value) parameters.set(key, value)
  }
  if (values['no-quotes']) parameters.set('quotes', 'off')
  if (values['no-cache']) parameters.set('cache', 'off')
  return parameters.size > 0 ? `?${parameters}` : ''
}

type Answer = Pick<PlainTurn, 'question' | 'answer' | 'status' | 'reason' | 'stats' | 'error'>
type Report = {
  clip: string
  error: PlainError | null
  engine?: unknown
  encoded?: unknown
  answers: Answer[]
  ledger?: unknown
  pageErrors: string[]
  timings: { loadMs: number; clipMs: number; totalMs: number }
}

/** Refusals end the run; the report then holds what there is. */
async function run(page: Driven, report: Report, timeout: number): Promise<void> {
  const started = Date.now()
  const engine = await waitForEngine(page)
  report.timings.loadMs = Date.now() - started
  if ('error' in engine) {
    report.error = engine.error
    return
  }
  report.engine = engine
  const opened = Date.now()
  const { clip, errors } = await openClip(page, path, timeout)
  report.timings.clipMs = Date.now() - opened
  report.encoded = clip
  report.error = errors.at(-1) ?? null
  if (report.error) return
  for (const question of questions) {
    const turn = await askQuestion(page, question, timeout)
    const { answer, status, reason, stats, error } = turn
    report.answers.push({ question, answer, status, reason, stats, error })
    report.error ??= error
  }
}

async function main(): Promise<Report> {
  const started = Date.now()
  const report: Report = {
    clip: basename(path),
    error: null,
    answers: [],
    pageErrors: [],
    timings: { loadMs: 0, clipMs: 0, totalMs: 0 },
  }
  // A fixed port is a fixed origin: what the profile caches is found again by the next run.
  const app = await serveApp(values.fresh ? 0 : 41_730)
  const browser = await openBrowser(values.fresh ? {} : { profile: resolve('.cache/ask-profile') }).catch(() =>
    // Another run holds the profile.
    openBrowser(),
  )
  try {
    const { page, errors } = await openPage(browser.context, app.url, query())
    const driven = drivePlaywright(page)
    await run(driven, report, Number(values.timeout) * 1000)
    report.ledger = await readLedgers(driven)
    report.pageErrors = errors
  } finally {
    await browser.close()
    await app.close()
  }
  report.timings.totalMs = Date.now() - started
  return report
}

const report = await main()
console.log(JSON.stringify(report, null, 2))
process.exit(report.error ? 3 : 0)
