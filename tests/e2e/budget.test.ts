import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { buildFolder, ensureBuild } from '../tools/app'

/** Gzipped bytes of JavaScript that the page loads before anything is asked of it. */
const budget = 200_000

beforeAll(() => ensureBuild())

const page = () => readFileSync(join(buildFolder, 'index.html'), 'utf8')
const read = (path: string) => readFileSync(join(buildFolder, path), 'utf8')

/** The page's scripts and everything that they import statically, by path in the build. */
function initialScripts(): Set<string> {
  const named = [...page().matchAll(/<(?:script|link)\b[^>]*\b(?:src|href)="\.\/([^"]+\.m?js)"/g)].map(
    ([, path]) => path ?? '',
  )
  const found = new Set<string>()
  const visit = (path: string) => {
    if (found.has(path)) return
    found.add(path)
    const folder = path.slice(0, path.lastIndexOf('/') + 1)
    for (const [, from = ''] of read(path).matchAll(/(?:\bfrom|\bimport)\s*["'`]\.\/([^"'`]+)["'`]/g))
      visit(folder + from)
  }
  named.forEach(visit)
  return found
}

test('the shell comes with at most 200 kB of JavaScript', () => {
  const scripts = [...initialScripts()]
  expect(scripts.length).toBeGreaterThan(0)
  const bytes = scripts.reduce((sum, path) => sum + gzipSync(read(path), { level: 9 }).length, 0)
  console.log(`initial JavaScript: ${(bytes / 1000).toFixed(1)} kB gzipped in ${scripts.length} files`)
  expect(bytes).toBeLessThanOrEqual(budget)
})

test('whatever is heavy comes later', () => {
  const together = [...initialScripts()].map(read).join('\n')
  // Each is a phrase of its library's code that minifying leaves: tokenizers, onnxruntime, mediabunny.
  for (const phrase of ['apply_chat_template', 'ort-wasm-simd', 'matroska']) expect(together).not.toContain(phrase)
})

test('the page has no inline script, style or handler, which the policy would refuse', () => {
  const html = page()
  expect(html).toMatch(/<script type="module"/)
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/)
  expect(html).not.toMatch(/<style|\bstyle=|\bon[a-z]+=/)
})
