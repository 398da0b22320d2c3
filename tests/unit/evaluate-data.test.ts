/** Folders as evaluation takes them: archives, loose files, strips, videos; captions and questions. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadItems } from '../tools/evaluate/data/items'
import { MediaFolder, MediaLibrary } from '../tools/evaluate/data/media'
import { loadQuestions, someOfEachKind } from '../tools/evaluate/data/questions'
import { listTar } from '../tools/evaluate/data/tar'
import { Predictions } from '../tools/evaluate/predictions'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'valley-evaluate-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, content: string | Buffer) => {
  const path = join(folder, name)
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, content)
}
const writeRows = (name: string, ...rows: object[]) =>
  write(name, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
function pack(archive: string, format: string, ...names: string[]) {
  const { status, stderr } = spawnSync('tar', [`--format=${format}`, '-cf', archive, ...names], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  for (const name of names) rmSync(join(folder, name), { recursive: true })
}
const items = (split = 'val') => loadItems(new MediaFolder(folder), split)

describe('media', () => {
  const longName = `${'n'.repeat(140)}.webp`

  test.each(['gnu', 'pax', 'ustar'])('members of a %s archive are read in place', (format) => {
    const long = format === 'ustar' ? 'plain.webp' : longName
    write('pictures/a.jpg', 'first picture')
    write(`pictures/${long}`, Buffer.alloc(1500, 7))
    pack('images.tar', format, 'pictures')
    expect(listTar(join(folder, 'images.tar')).map(({ name, bytes }) => [name, bytes])).toEqual(
      expect.arrayContaining([
        ['pictures/a.jpg', 13],
        [`pictures/${long}`, 1500],
      ]),
    )
    const media = new MediaFolder(folder)
    expect(media.find('a')?.read().toString()).toBe('first picture')
    expect(media.find(long)?.read()).toEqual(Buffer.alloc(1500, 7))
    expect(media.find('b')).toBeUndefined()
  })

  test('a file that is no tar archive is refused by name', () => {
    write('images.tar', gzipSync(Buffer.alloc(2000, 3)).toString('hex').repeat(20))
    expect(() => new MediaFolder(folder)).toThrow(/images\.tar is not a tar archive/)
  })
})

describe('items', () => {
  test('photos beside their captions: one split, rows of one photo joined', () => {
    write('one.jpg', '1')
    write('photos/two.v2.png', '2')
    writeRows(
      'captions.jsonl',
      { id: 'one', split: 'val', captions: ['A dog.', 'A black dog.'] },
      { id: 'other', split: 'train', captions: ['Nothing.'] },
      { image: 'somewhere/two.v2.png', split: 'val', caption: 'A cat.' },
      { image: 'somewhere/two.v2.png', split: 'val', caption: 'A grey cat.' },
    )
    expect(items().map(({ id, isPhoto, source, captions }) => [id, isPhoto, source.kind, captions])).toEqual([
      ['one', true, 'file', ['A dog.', 'A black dog.']],
      ['somewhere/two.v2.png', true, 'file', ['A cat.', 'A grey cat.']],
    ])
    expect(() => items('test')).toThrow(/no rows of split "test"; it has: val, train/)
    expect(() => items('all')).toThrow(/no picture or video for "other"/)
  })

  test('strips are known by n_frames or by what holds them; a video is a file', () => {
    write('a.webp', 'strip')
    write('strips/b.webp', 'strip')
    write('c.mp4', 'video')
    const row = (id: string, more = {}) => ({ id, captions: ['x'], ...more })
    writeRows('captions.jsonl', row('a', { n_frames: 4 }), row('b'), row('c', { n_frames: 8 }))
    expect(items().map(({ source, isPhoto }) => [source.kind, isPhoto])).toEqual([
      ['strip', false],
      ['strip', false],
      ['file', false],
    ])
  })

  test('captions compressed by xz', () => {
    write('a.jpg', '1')
    writeRows('captions.jsonl', { id: 'a', captions: ['A dog.'] })
    expect(spawnSync('xz', ['captions.jsonl'], { cwd: folder }).status).toBe(0)
    expect(items().map(({ captions }) => captions)).toEqual([['A dog.']])
  })

  test('a broken line is named', () => {
    write('captions.jsonl', '{"id": "a", "captions": ["x"]}\n{"id": \n')
    expect(() => items()).toThrow(/captions\.jsonl, line 2/)
  })
})

describe('questions', () => {
  const load = (path = folder) => loadQuestions(new MediaLibrary(), path, 'val', join(folder, 'root'))

  test('dialogues with a choice: stills are one file, frames come from the folders that they name', () => {
    write('root/photos/p.jpg', 'photo')
    write('root/clips/c.webp', 'strip')
    const turns = [{ question: 'Is there a dog?', answers: ['Yes.'] }]
    const choice = { right: 'Yes, there is a dog.', wrong: 'No, there is no dog.' }
    writeRows(
      'set/val.jsonl',
      { id: 'y', type: 'yesno', frames: [['photos', 'p', 0]], still: true, turns, choice },
      {
        id: 'o',
        type: 'order',
        frames: [
          ['clips', 'c', 1],
          ['clips', 'c', 1],
          ['photos', 'p', 0],
        ],
        still: false,
        turns,
        choice,
      },
      {
        id: 'open',
        type: 'qa',
        frames: [['photos', 'p', 0]],
        still: true,
        turns: [{ question: 'What is it?', answers: ['A lamp.'] }, ...turns],
      },
    )
    for (const path of [join(folder, 'set'), join(folder, 'set/val.jsonl')]) {
      const { questions, leftOut } = load(path)
      expect(leftOut).toBe(1)
      expect(questions.map(({ id, kind, source }) => [id, kind, source.kind])).toEqual([
        ['y', 'yesno', 'file'],
        ['o', 'order', 'frames'],
        ['open.1', 'qa', 'file'],
      ])
      expect(questions[2]).toMatchObject({ right: 'Yes.', wrong: 'No.' })
      const source = questions[1]?.source
      expect(source?.kind === 'frames' && source.frames.map(({ file, at }) => [file.name, at])).toEqual([
        ['c.webp', 1],
        ['c.webp', 1],
        ['p.jpg', 0],
      ])
    }
  })

  test('plain rows and lists of questions: yes/no by the answer, else two choices', () => {
    write('p.jpg', 'photo')
    writeRows(
      'qa.jsonl',
      {
        id: 'p',
        qa: [
          { q: 'Is it red?', a: 'no' },
          { q: 'What is it?', a: 'lamp' },
          { q: 'Is it big?', answer: true },
        ],
      },
      { id: 7, image: 'p.jpg', question: 'Cat or dog?', answer: 'a cat', choices: ['a dog', 'a cat'] },
    )
    const { questions, leftOut } = load()
    expect(leftOut).toBe(1)
    expect(questions.map(({ kind, right, wrong }) => [kind, right, wrong])).toEqual([
      ['yesno', 'no', 'Yes.'],
      ['yesno', 'yes', 'No.'],
      ['choice', 'a cat', 'a dog'],
    ])
    expect(new Set(questions.map(({ id }) => id)).size).toBe(3)
    expect(someOfEachKind(questions, 1).map(({ kind }) => kind)).toEqual(['yesno', 'choice'])
    expect(someOfEachKind(questions, undefined)).toEqual(questions)
    const alike = Array.from({ length: 5 }, (_, at) => ({ ...(questions[0] as (typeof questions)[0]), id: `q${at}` }))
    expect(someOfEachKind(alike, 3).map(({ id }) => id)).toEqual(['q0', 'q1', 'q3'])
  })
})

describe('predictions', () => {
  const open = (settings: object, fresh = false) =>
    Predictions.open<{ id: string; answer: string }>(join(folder, 'run/p.jsonl'), settings, fresh)

  test('a second run finds what the first one added, a line that was cut off does not count', () => {
    open({ beams: 1 }).add({ id: 'a', answer: 'A dog.' })
    spawnSync('sh', ['-c', `printf '{"id": "b", "ans' >> run/p.jsonl`], { cwd: folder })
    const second = open({ beams: 1 })
    expect([second.get('a')?.answer, second.get('b')]).toEqual(['A dog.', undefined])
    second.add({ id: 'b', answer: 'A cat.' })
    expect(open({ beams: 1 }).get('b')?.answer).toBe('A cat.')
  })

  test('other settings are refused unless it is to start anew', () => {
    open({ beams: 1 }).add({ id: 'a', answer: 'A dog.' })
    expect(() => open({ beams: 3 })).toThrow(/other settings.*--fresh/)
    expect(open({ beams: 3 }, true).get('a')).toBeUndefined()
  })
})
