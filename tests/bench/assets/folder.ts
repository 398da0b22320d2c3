/** Where the bench keeps what it makes: ignored by git, made anew when deleted. */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../../..')
export const benchFolder = join(root, '.cache/bench')

/** Path of `name` below the bench's folder; `make` writes it where it is not there yet. Half a file is never left under it. */
export async function kept(name: string, make: (path: string) => void | Promise<void>): Promise<string> {
  const path = join(benchFolder, name)
  if (existsSync(path)) return path
  // The extension stays last: tools tell the format by it.
  const partial = path.replace(/([^/]+)$/, 'unfinished-$1')
  mkdirSync(dirname(path), { recursive: true })
  await make(partial)
  renameSync(partial, path)
  return path
}
