import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Samples } from '../bench/measures'
import { readOptions } from '../bench/options'
import { number } from '../bench/report/numbers'
import { rowsOf } from '../bench/report/rows'
import { writeReport } from '../bench/report/write'

const samples: Samples = {
  decode: { ours: [30, 34, 32], 'transformers.js': [33, 32, 31], 'wllama Q8_0': [25, 24, 26] },
  'clip-first-token': { ours: [500, 700, 600], 'transformers.js': [2400, 3000, 2700] },
  // Nobody of its peers ran.
  prefill: { ours: [200] },
}
const rows = rowsOf(samples, 'npm run bench')
const about = {
  command: 'npm run bench',
  repeats: 3,
  date: '2026-01-02',
  machine: 'a machine',
  browser: 'a browser',
  app: 'wasm',
  peers: 'peers',
}

const folder = mkdtempSync(join(tmpdir(), 'valley-bench-report-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a row for each peer that ran: medians, ratio, bar', () => {
  expect(rows.map(({ measure, peerName, ours, peer, bar }) => [measure, peerName, ours, peer, bar])).toEqual([
    ['clip-first-token', 'transformers.js', 600, 2700, 3],
    ['decode', 'transformers.js', 32, 32, 0.97],
    ['decode', 'wllama Q8_0', 32, 25, 1.4],
  ])
  expect(rows.map(({ ratio }) => ratio)).toEqual([4.5, 1, 1.28])
})

test('the report: rows as data, tables that say which bars are met, a chart for each measure', () => {
  writeReport(folder, rows, about)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  expect(JSON.parse(read('performance.json'))).toEqual(rows)
  const text = read('performance.md')
  expect(text).toContain('| transformers.js | 600 (550–650) | 2700 (2550–2850) | 4.50× | ≥ 3× | met |')
  expect(text).toContain('| wllama Q8_0 | 32.0 (31.0–33.0) | 25.0 (24.5–25.5) | 1.28× | ≥ 1.4× | **missed** |')
  expect(text.match(/^## /gm)).toHaveLength(2)
  for (const [, path = ''] of text.matchAll(/\]\((performance\/[^)]+)\)/g)) {
    const svg = read(path)
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
    expect(svg).toContain('>ours<')
    expect(svg).toContain('>transformers.js<')
  }
  expect(read('performance/decode.svg')).toContain('32.0 (31.0–33.0)')
})

test('figures have three significant digits and no exponent', () => {
  expect([0, 0.01234, 1.2345, 12.345, 123456].map(number)).toEqual(['0', '0.0123', '1.23', '12.3', '123456'])
})

test('the command line: measures by name, whole repeats', () => {
  const options = readOptions(['--repeats', '2', '--only', 'decode', 'prefill', '--out', 'there'], '/home')
  expect(options).toEqual({
    repeats: 2,
    only: ['decode', 'prefill'],
    out: '/home/there',
    command: 'npm run bench -- --repeats 2 --only decode prefill --out there',
  })
  expect(readOptions(['--help'], '/')).toBeNull()
  for (const wrong of [['--repeats', '0'], ['--only', 'speed'], ['decode'], ['--nonsense']]) {
    expect(() => readOptions(wrong, '/')).toThrow()
  }
})
