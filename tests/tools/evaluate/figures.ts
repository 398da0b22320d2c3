/** The figures of a run as JSON: each with the command that repeats it, the commit and the predictions it was counted from. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, relative } from 'node:path'

export type FigureFile = {
  readonly task: string
  readonly figures: Readonly<Record<string, { value: number; command: string; commit: string; predictions: string }>>
}

/** `about`: what else is worth knowing of the run (pack, data, decoding, times). */
export function writeFigures(
  path: string,
  task: string,
  values: Readonly<Record<string, number>>,
  predictions: string,
  about: object,
): FigureFile {
  const command = `npm run evaluate -- ${process.argv.slice(2).join(' ')}`
  const commit = currentCommit()
  const entry = (value: number) => ({
    value: Number(value.toFixed(6)),
    command,
    commit,
    predictions: relative('.', predictions),
  })
  const figures = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, entry(value)]))
  const file = { task, ...about, figures }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(file, null, 1)}\n`)
  return file
}

/** Short hash, "-dirty" where tracked files differ from it, "unknown" outside a repository. */
function currentCommit(): string {
  const { status, stdout } = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=12', '--exclude=*'], {
    encoding: 'utf8',
  })
  return status === 0 ? stdout.trim() : 'unknown'
}
