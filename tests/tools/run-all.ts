/**
 * `npm test`: types, lint, unit, browser, end to end, and the Python tests where their environment exists.
 * Every step runs even when an earlier one failed; the last line is "N passed, N failed".
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBrowsers } from './browsers'

const artifacts = 'tests/.artifacts'
mkdirSync(artifacts, { recursive: true })

type Outcome = { name: string; passed: number; failed: number; seconds: number }
const outcomes: Outcome[] = []

function run(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'inherit' }).status === 0
}

function step(name: string, body: () => Pick<Outcome, 'passed' | 'failed'>): void {
  console.log(`\n== ${name}`)
  const start = Date.now()
  outcomes.push({ name, ...body(), seconds: (Date.now() - start) / 1000 })
}

const one = (ok: boolean) => ({ passed: ok ? 1 : 0, failed: ok ? 0 : 1 })

/** A vitest project's own counts; a run that dies before it reports counts as one failure. */
function vitest(project: string): Pick<Outcome, 'passed' | 'failed'> {
  const report = join(artifacts, `${project}.json`)
  rmSync(report, { force: true })
  const ok = run('node', [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ])
  if (!existsSync(report)) return one(false)
  const counts = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number }
  const failed = ok ? counts.numFailedTests : Math.max(1, counts.numFailedTests)
  return { passed: counts.numPassedTests, failed }
}

/** The Python side has an environment of its own (training/README.md); where there is none, that is said, not hidden. */
function pytest(): Pick<Outcome, 'passed' | 'failed'> {
  const python = process.env.VALLEY_PYTHON ?? 'training/.venv/bin/python'
  if (!existsSync(python)) {
    console.log(
      `The training environment (${python}) is not on this machine: its tests did not run. See training/README.md.`,
    )
    return { passed: 0, failed: 0 }
  }
  const result = spawnSync(python, ['-m', 'pytest', '-q', 'training'], { encoding: 'utf8' })
  process.stdout.write(result.stdout + result.stderr)
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(result.stdout)?.[1] ?? 0)
  const failed = count('failed') + count('error')
  return { passed: count('passed'), failed: result.status === 0 ? failed : Math.max(1, failed) }
}

const problems = ensureBrowsers()
for (const problem of problems) console.error(problem)

const tsc = 'node_modules/typescript/bin/tsc'
step('types', () =>
  one(['page', 'workers', 'node'].map((p) => run('node', [tsc, '-p', `tsconfig.${p}.json`])).every(Boolean)),
)
step('lint', () => one(run('node_modules/.bin/biome', ['check', '--error-on-warnings', '.'])))
step('unit', () => vitest('unit'))
step('browser', () => vitest('browser'))
step('end to end', () => vitest('e2e'))
step('training', pytest)

console.log('')
for (const { name, passed, failed, seconds } of outcomes) {
  console.log(
    `${name.padEnd(12)} ${String(passed).padStart(4)} passed ${String(failed).padStart(4)} failed  ${seconds.toFixed(0)} s`,
  )
}
const total = (key: 'passed' | 'failed') => outcomes.reduce((sum, outcome) => sum + outcome[key], 0)
console.log(`${total('passed')} passed, ${total('failed')} failed`)
process.exit(total('failed') === 0 ? 0 : 1)
