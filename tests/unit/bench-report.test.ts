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
  'memory-js-1-h': { ours: [130], 'the 10 s clip': [100] },
  'long-tasks': { ours: [0, 1, 1], none: [0, 0, 0] },
  'readback-pixels': { ours: [0], none: [0] },
  'growth-prefill-questions-2': { ours: [100], theory: [100] },
  'growth-prefill-questions-20': { ours: [150], theory: [120] },
  // Nobody of its peers ran.
  prefill: { ours: [200] },
}
const origin = { command: 'npm run bench', date: '2026-01-02', machine: 'a machine', browser: 'a browser' }
const rows = rowsOf(samples, origin)
const about = {
  ...origin,
  app: 'wasm',
  peers: 'peers',
  missing: ['ffmpeg has no encoder for av1'],
}

const folder = mkdtempSync(join(tmpdir(), 'valley-bench-report-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a row for each peer that ran: medians, ratio, bar', () => {
  expect(rows.map(({ measure, peerName, ours, peer, bar }) => [measure, peerName, ours, peer, bar])).toEqual([
    ['clip-first-token', 'transformers.js', 600, 2700, 3],
    ['decode', 'transformers.js', 32, 32, 0.97],
    ['decode', 'wllama Q8_0', 32, 25, 1.4],
    ['long-tasks', 'none', 1, 0, 1],
    ['memory-js-1-h', 'the 10 s clip', 130, 100, 1 / 1.2],
    ['readback-pixels', 'none', 0, 0, 1],
    ['growth-prefill-questions-2', 'theory', 100, 100, null],
    ['growth-prefill-questions-20', 'theory', 150, 120, null],
  ])
  expect(rows.map(({ ratio }) => ratio)).toEqual([4.5, 1, 1.28, 0, 100 / 130, 1, 1, 0.8])
})

test('the report: rows as data, tables that say which bars are met, a chart for each measure', () => {
  writeReport(folder, rows, about)
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  expect(JSON.parse(read('performance.json'))).toEqual(rows)
  const text = read('performance.md')
  expect(text).toContain(
    '| 600 (550–650) | transformers.js | 2700 (2550–2850) | 4.50× | ≥ 3× | met | 2026-01-02, 3 visits |',
  )
  expect(text).toContain('| 32.0 (31.0–33.0) | wllama Q8_0 | 25.0 (24.5–25.5) | 1.28× | ≥ 1.4× | **missed** |')
  expect(text).toContain('| 130 (130–130) | the 10 s clip | 100 (100–100) | 0.769× | ≥ 0.833× | **missed** |')
  expect(text).toContain('| 1.00 (0.500–1.00) | none | 0 (0–0) | 0× | ≥ 1× | **missed** | 2026-01-02, 3 visits |')
  expect(text).toContain('| 0 (0–0) | none | 0 (0–0) | 1.00× | ≥ 1× | met |')
  expect(text).toContain('| 20 | 150 | 120 |')
  expect(text).toContain('- Not measured: ffmpeg has no encoder for av1')
  expect([...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
    'Answers',
    'Memory and length of the clip',
    'Read back from the GPU',
    'Growth',
  ])
  const charts = [...text.matchAll(/\]\((performance\/[^)]+)\)/g)].map(([, path = '']) => path)
  expect(charts).toEqual(['clip-first-token', 'decode', 'growth-questions'].map((name) => `performance/${name}.svg`))
  for (const path of charts) expect(read(path)).toMatch(/^<svg [\s\S]*<\/svg>\n$/)
  for (const path of charts.slice(0, 2)) {
    expect(read(path)).toContain('>ours<')
    expect(read(path)).toContain('>transformers.js<')
  }
  expect(read('performance/decode.svg')).toContain('32.0 (31.0–33.0)')
})

test('a later run replaces what it measured and keeps the rest, of the same machine and browser', () => {
  const read = () => JSON.parse(readFileSync(join(folder, 'performance.json'), 'utf8')) as typeof rows
  const places = () => read().map(({ measure, peerName, date, ours }) => [measure, peerName, date, ours])
  writeReport(folder, rows, about)
  const before = places()
  const later = { ...origin, command: 'npm run bench -- --only decode', date: '2026-01-03' }
  const again = rowsOf({ decode: { ours: [40], 'transformers.js': [20] } }, later)
  writeReport(folder, again, { ...about, ...later })
  // No peer of the earlier run is left beside figures of ours that it was not measured with.
  expect(places()).toEqual([before[0], ['decode', 'transformers.js', '2026-01-03', 40], ...before.slice(3)])
  const text = readFileSync(join(folder, 'performance.md'), 'utf8')
  expect(text).toContain('| 2026-01-03, 1 visit |')
  expect(text).toContain('| 2026-01-02, 3 visits |')
  expect(text).toContain('Measured on 2026-01-02.')
  for (const elsewhere of [{ machine: 'another machine' }, { browser: 'another browser' }]) {
    writeReport(folder, rows, about)
    writeReport(folder, rowsOf({ decode: samples.decode ?? {} }, { ...later, ...elsewhere }), {
      ...about,
      ...later,
      ...elsewhere,
    })
    expect(read().map(({ measure }) => measure)).toEqual(['decode', 'decode'])
  }
})

test('figures have three significant digits and no exponent', () => {
  expect([0, 0.01234, 1.2345, 12.345, 123456].map(number)).toEqual(['0', '0.0123', '1.23', '12.3', '123456'])
})

test('the command line: measures by name or group, whole repeats', () => {
  const options = readOptions(['--repeats', '2', '--only', 'decode', 'prefill', '--out', 'there'], '/home')
  expect(options).toEqual({
    repeats: 2,
    only: ['decode', 'prefill'],
    out: '/home/there',
    command: 'npm run bench -- --repeats 2 --only decode prefill --out there',
  })
  const memory = readOptions(['--only', 'memory', 'decode'], '/')?.only
  expect(memory).toContain('memory-gpu-1-h')
  expect(memory).toContain('decode')
  expect(memory).not.toContain('prefill')
  expect(readOptions(['--help'], '/')).toBeNull()
  for (const wrong of [['--repeats', '0'], ['--only', 'speed'], ['decode'], ['--nonsense']]) {
    expect(() => readOptions(wrong, '/')).toThrow()
  }
})
