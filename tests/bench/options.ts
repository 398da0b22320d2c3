/** The command line of `npm run bench`. */
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from './assets/folder'
import { type Group, groups, type Measure, type MeasureId, measureIds, measures } from './measures'

const groupNames = Object.keys(groups) as Group[]
const measuresOf = (group: Group) => measureIds.filter((id) => (measures[id] as Measure).group === group)
const listed = groupNames.map((group) =>
  group === 'growth' ? `  ${group}` : `  ${group.padEnd(10)} ${measuresOf(group).join(', ')}`,
)

export const usage = `npm run bench -- [options]

  --repeats N          visits to each contender (default 5)
  --only NAME …        these groups or measures and no others; the report keeps what it has of the others
  --out FOLDER         where performance.md, performance.json and their charts go (default docs)

Groups and their measures:
${listed.join('\n')}

Builds the app and the peers' pages, runs them in turns in one Chromium and writes what it saw. Needs ffmpeg for its clips.
Figures mean something only on a machine that does nothing else.`

export type Options = {
  readonly repeats: number
  readonly only: readonly MeasureId[]
  readonly out: string
  /** As it would be typed. */
  readonly command: string
}

/** Measures of that name: a group's, or the one. Throws where there are none. */
function named(name: string): readonly MeasureId[] {
  if (name in groups) return measuresOf(name as Group)
  const found = measureIds.filter((id) => id === name)
  if (found.length === 0) throw new Error(`there is no measure ${name}`)
  return found
}

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
  const only = [...(values.only ?? []), ...positionals].flatMap(named)
  return {
    repeats,
    only: only.length > 0 ? only : measureIds,
    out: values.out === undefined ? join(root, 'docs') : resolve(folder, values.out),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
  }
}
