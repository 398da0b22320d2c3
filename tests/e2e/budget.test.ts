import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import zhCN from '../../src/app/i18n/zh-CN.json'
import { buildFolder, ensureBuild } from '../tools/app'

/** Gzipped bytes of JavaScript that the page loads before anything is asked of it. */
const budget = 160_000

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

test('the shell comes with at most 160 kB of JavaScript', () => {
  const scripts = [...initialScripts()]
  expect(scripts.length).toBeGreaterThan(0)
  const bytes = scripts.reduce((sum, path) => sum + gzipSync(read(path), { level: 9 }).length, 0)
  console.log(`initial JavaScript: ${(bytes / 1000).toFixed(1)} kB gzipped in ${scripts.length} files`)
  expect(bytes).toBeLessThanOrEqual(budget)
})

test('whatever the first paint does not need comes later', () => {
  const initial = initialScripts()
  const together = [...initial].map(read).join('\n')
  const scripts = readdirSync(join(buildFolder, 'assets')).filter((name) => /\.m?js$/.test(name))
  const later = scripts.map((name) => `assets/${name}`).filter((path) => !initial.has(path))
  const rest = later.map(read).join('\n')
  // Each is a phrase of its code that minifying leaves: tokenizers, onnxruntime, mediabunny, zod, menus, turns, clips, the
  // settings, and the catalogue of the other language.
  const phrases = ['apply_chat_template', 'ort-wasm-simd', 'matroska', 'ZodError', 'DropdownMenuTrigger']
  const parts = ['turn-progress', 'clip-progress', 'settings-hint', zhCN.welcome.heading]
  for (const phrase of [...phrases, ...parts]) {
    expect(together.includes(phrase), `${phrase} at first`).toBe(false)
    expect(rest.includes(phrase), `${phrase} later`).toBe(true)
  }
})

test('the page has no inline script, style or handler, which the policy would refuse', () => {
  const html = page()
  expect(html).toMatch(/<script type="module"/)
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/)
  expect(html).not.toMatch(/<style|\bstyle=|\bon[a-z]+=/)
})
