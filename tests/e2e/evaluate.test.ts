/** `npm run evaluate` from folder to figures, with tiny packs: what is measured here is that it measures, not the figures. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
let folder = ''

type FigureFile = {
  engine: unknown
  figures: Record<string, { value: number; command: string; commit: string; predictions: string }>
}
type Row = { id: string; answer?: string; frames?: number; rank?: number; correct?: boolean; logP?: number[] }

/** A PNG of squares of 32 pixels side by side, each of one colour. */
function strip(...colors: [number, number, number][]): Buffer {
  const side = 32
  const line = Buffer.from([0, ...colors.flatMap((color) => new Array(side).fill(color).flat())])
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data])
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(data.length)
    check.writeUInt32BE(crc32(body))
    return Buffer.concat([length, body, check])
  }
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(side * colors.length, 0)
  header.writeUInt32BE(side, 4)
  const pixels = deflateSync(Buffer.concat(new Array(side).fill(line)))
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))])
}

const writeRows = (name: string, ...rows: object[]) =>
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'valley-evaluate-'))
  copyFileSync(join(root, 'tests/fixtures/clips/vp9.webm'), join(folder, 'video.webm'))
  writeFileSync(join(folder, 'photo.png'), strip([200, 30, 30]))
  writeFileSync(join(folder, 'strip.png'), strip([200, 30, 30], [30, 30, 200]))
  writeFileSync(join(folder, 'broken.webm'), 'no video at all')
  writeRows(
    'captions.jsonl',
    { id: 'photo', split: 'val', captions: ['A red square.', 'Red.'] },
    { id: 'strip', split: 'val', n_frames: 2, captions: ['Red, then blue.'] },
    { id: 'video', split: 'val', captions: ['A disc moves.'] },
    { id: 'broken', split: 'val', captions: ['Nothing.'] },
  )
  writeRows(
    'qa.jsonl',
    { id: 'photo', question: 'Is it red?', answer: 'yes' },
    { id: 'video', question: 'Is it red?', answer: 'no' },
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function evaluate(pack: string, name: string, ...args: string[]): { file: FigureFile; rows: Row[]; error: string } {
  const out = join(folder, `out/${name}.json`)
  const command = [
    '--import',
    'tsx',
    'tests/tools/evaluate.ts',
    '--pack',
    `tests/fixtures/tiny/${pack}`,
    '--data',
    folder,
    '--out',
    out,
  ]
  const { status, stderr } = spawnSync('node', [...command, ...args], { cwd: root, encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  const file = JSON.parse(readFileSync(out, 'utf8')) as FigureFile
  const { predictions = '' } = Object.values(file.figures)[0] ?? {}
  const lines = readFileSync(resolve(root, predictions), 'utf8').trimEnd().split('\n').slice(1)
  return { file, rows: lines.map((line) => JSON.parse(line) as Row), error: stderr }
}

test('captions: photo, strip and video by their frames, a broken file as an empty answer; a second run opens nothing', () => {
  const { file, rows } = evaluate('tiny-mean', 'caption')
  expect(rows.map(({ id, frames }) => [id, frames])).toEqual([
    ['photo', 1],
    ['strip', 2],
    ['video', 3],
    ['broken', 0],
  ])
  expect(rows.map(({ answer }) => answer !== '')).toEqual([true, true, true, false])
  expect(file.figures).toMatchObject({
    items: { value: 4 },
    failed: { value: 1 },
    distinct: { value: expect.any(Number) },
  })
  expect(file.figures.cider?.command).toMatch(/^npm run evaluate -- --pack/)

  const again = evaluate('tiny-mean', 'caption')
  expect(again.rows).toEqual(rows)
  expect(again.file.engine).toBe('predictions of an earlier run')
  expect(again.file.figures.bleu1?.value).toBe(file.figures.bleu1?.value)
})

test('retrieval and questions give a rank to every caption and both choices to every question', () => {
  const retrieval = evaluate('tiny-retrieval', 'retrieval', '--task', 'retrieval', '--limit', '3')
  expect(retrieval.rows.map(({ id }) => id)).toEqual([
    'photo',
    'strip',
    'video',
    'photo#0',
    'photo#1',
    'strip#0',
    'video#0',
  ])
  expect(retrieval.file.figures).toMatchObject({ i2t_r5: { value: 1 }, t2i_r5: { value: 1 }, captions: { value: 4 } })

  const { file, rows } = evaluate('tiny-mean', 'qa', '--task', 'qa')
  expect(file.figures).toMatchObject({ yesno_items: { value: 2 }, failed: { value: 0 } })
  for (const { logP } of rows) expect(logP?.every((value) => value < 0)).toBe(true)
})
