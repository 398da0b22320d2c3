/** Reads JSON lines, compressed by xz or not. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type Row = Readonly<Record<string, unknown>>

/** Node itself cannot decompress xz; any of these can. */
const decompressors: readonly (readonly [string, ...string[]])[] = [
  ['xz', '-dc', '--'],
  ['python3', '-c', 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)'],
]

/** @throws Error that names file and line where a line is no JSON object */
export function readRows(path: string): Row[] {
  const text = path.endsWith('.xz') ? decompress(path) : readFileSync(path, 'utf8')
  const rows: Row[] = []
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const row = parse(line)
    if (!row) throw new Error(`${path}, line ${index + 1}: not a JSON object`)
    rows.push(row)
  }
  return rows
}

function parse(line: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined
  } catch {
    return undefined
  }
}

function decompress(path: string): string {
  for (const [command, ...args] of decompressors) {
    const { status, stdout } = spawnSync(command, [...args, path], { encoding: 'utf8', maxBuffer: 1 << 30 })
    if (status === 0) return stdout
  }
  throw new Error(`${path} could not be decompressed: install xz (apt-get install xz-utils), or decompress it yourself`)
}
