/** The command line of `npm run bench`. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './assets/folder'
import { type MeasureId, measureIds } from './measures'

export const usage = `npm run bench -- [options]

  --repeats N          visits to each contender (default 5)
  --only MEASURE …     these measures and no others, in the report too: ${measureIds.join(', ')}
  --out FOLDER         where performance.md, performance.json and their charts go (default docs)

Builds the app and the peers' pages, runs them in turns in one Chromium and writes what it saw. Needs ffmpeg for its clips.
Figures mean something only on a machine that does nothing else.`

export type Options = {
  readonly repeats: number
  readonly only: readonly MeasureId[]
  readonly out: string
  /** As it would be typed. */
  readonly command: string
}

const isMeasure = (name: string): name is MeasureId => (measureIds as readonly string[]).includes(name)

/** null: help was asked for. Throws an Error whose message says what is wrong. */
export function readOptions(args: readonly string[], folder: string): Options | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      repeats: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const repeats = Number(values.repeats)
  if (!Number.isInteger(repeats) || repeats < 1)
    throw new Error(`--repeats ${values.repeats}: a whole number from 1 on`)
  if (positionals.length > 0 && !values.only) throw new Error(`${positionals.join(' ')}: --only comes before measures`)
  const named = [...(values.only ?? []), ...positionals]
  for (const name of named) if (!isMeasure(name)) throw new Error(`there is no measure ${name}`)
  return {
    repeats,
    only: named.length > 0 ? named.filter(isMeasure) : measureIds,
    out: values.out === undefined ? join(root, 'docs') : resolve(folder, values.out),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  }
}
