import { expect, test } from 'vitest'
import { encodedSample, sampleMedia, sampleStats } from '../../tests/fixtures/sample'
import { type AnswerEvent, ValleyError } from '../../workers/protocol'
import { createI18n, type Language } from '../app/i18n'
import { FigureLog } from './figures'
import type { Figures } from './monitor'
import { toJson, toMarkdown } from './report'
import { figureTables, headline } from './tables'

async function* answerOf(end: 'done' | 'cut' | ValleyError): AsyncGenerator<AnswerEvent, void, undefined> {
  yield { type: 'text', text: 'A private dog.' }
  if (end instanceof ValleyError) throw end
  const reason = end === 'cut' ? 'length' : 'end'
  yield { type: 'done', reason, ids: [1, 2], stats: sampleStats }
  // As the session does when it has the whole answer.
  throw new ValleyError('aborted')
}

async function read(events: AsyncIterable<AnswerEvent>, pieces = Number.POSITIVE_INFINITY): Promise<void> {
  let seen = 0
  try {
    for await (const _ of events) {
      seen += 1
      if (seen === pieces) break
    }
  } catch {
    // The log must know it; whoever reads has another way.
  }
}

const clip = (id: string) => ({ ...encodedSample(id, sampleMedia(10), [1, 3, 5, 7]), contentHash: 'hash-of-the-file' })

/** Two looks at one clip, one at another; answers of all kinds. */
async function filled(): Promise<Figures> {
  const log = new FigureLog()
  log.addClip(clip('a-secret-id'))
  log.addClip(clip('b-secret-id'))
  log.addClip({ ...clip('a-secret-id'), fromCache: true, timings: { open: 0, decode: 0, encode: 0, total: 1500 } })
  await read(log.watchAnswer('b-secret-id', answerOf('done')))
  await read(log.watchAnswer('a-secret-id', answerOf('cut')))
  await read(log.watchAnswer(null, answerOf(new ValleyError('worker-died', { detail: 'holiday.mp4' }))))
  await read(log.watchAnswer(null, answerOf('done')), 1)
  const ready = { status: 'ready' } as const
  return {
    engine: {
      packUrl: 'https://test/a-secret-folder/pack.json',
      pooling: null,
      paused: false,
      vision: {
        ...ready,
        info: {
          packId: 'p',
          backend: 'webgpu',
          adapter: 'made | up',
          embedsTexts: true,
          tellsOrder: true,
          loadMs: 900,
        },
      },
      language: { status: 'failed', error: new ValleyError('download-failed', { url: 'https://secret.test' }) },
    },
    clips: log.clips,
    answers: log.answers.map((answer, at) => ({ ...answer, longTasks: at === 0 ? { count: 2, longest: 80 } : null })),
    memory: {
      open: { vision: { session: 1, 'gpu-buffer': 12 }, language: {} },
      gpu: { vision: { bytes: 2_000_000, peakBytes: 30_000_000 }, language: { bytes: 0, peakBytes: 0 } },
      heap: null,
      storage: { usage: 98_000_000, quota: 1_000_000_000 },
    },
  }
}

const tablesIn = async (figures: Figures, language: Language, newest = 50) =>
  figureTables(figures, newest, { t: (await createI18n(language)).t, language })
const row = (tables: Awaited<ReturnType<typeof tablesIn>>, table: number, name: string) =>
  tables[table]?.rows.find((candidate) => candidate.name === name)?.values

test('clips keep their numbers, the newest stand first, and what was known has no frames a second', async () => {
  const tables = await tablesIn(await filled(), 'en')
  expect(tables[1]?.columns).toEqual(['Clip 1', 'Clip 2', 'Clip 1'])
  expect(row(tables, 1, 'In all')).toEqual(['1.5 sec', '6 ms', '6 ms'])
  expect(row(tables, 1, 'Frames a second')).toEqual(['–', '666.7', '666.7'])
  expect(row(tables, 1, 'Tokens')).toEqual(['20', '20', '20'])
  expect(row(tables, 1, 'Known before')).toEqual(['Yes', 'No', 'No'])
})

test('every answer says how it ended; one whose caller has had its end is no stopped one', async () => {
  const tables = await tablesIn(await filled(), 'en')
  expect(tables[2]?.columns).toEqual(['Answer 4', 'Answer 3', 'Answer 2', 'Answer 1'])
  expect(row(tables, 2, 'About')).toEqual(['–', '–', 'Clip 1', 'Clip 2'])
  expect(row(tables, 2, 'Ended')).toEqual(['stopped', 'failed: worker-died', 'at its longest', 'by itself'])
  expect(row(tables, 2, 'Tokens a second')).toEqual(['–', '–', '20', '20'])
  expect(row(tables, 2, 'Long tasks')).toEqual(['–', '–', '–', '2, up to 80 ms'])
})

test('model and memory: what is not there is not made up', async () => {
  const figures = await filled()
  const tables = await tablesIn(figures, 'en', 2)
  expect(tables[2]?.columns).toEqual(['Answer 4', 'Answer 3'])
  expect(row(tables, 0, 'Ran')).toEqual(['on the graphics card', '–'])
  expect(row(tables, 0, 'Loaded in')).toEqual(['900 ms', '–'])
  expect(row(tables, 3, 'Open')).toEqual(['session 1 · gpu-buffer 12', '–'])
  expect(row(tables, 3, 'At most')?.[0]).toBe('30 MB')
  expect(row(tables, 3, "Page's JavaScript")).toEqual(['–'])
  expect(row(tables, 3, 'Storage')).toEqual(['98 MB of 1 GB'])
  const { t } = await createI18n('en')
  expect(headline(figures, { t, language: 'en' })).toBe('First word after 5 ms · 20 tokens a second')
  expect(headline({ ...figures, answers: [] }, { t, language: 'en' })).toBeNull()
})

test('Markdown and JSON hold figures, and nothing that a person said, opened or keeps', async () => {
  const figures = await filled()
  const device = { browser: 'A browser', cores: 2, isolated: true }
  const markdown = toMarkdown('Figures', ['', 'A browser'], await tablesIn(figures, 'zh-CN'))
  expect(markdown).toContain('## Figures\n\nA browser\n\n| 模型 | 看画面 | 写回答 |\n| --- | --- | --- |\n')
  expect(markdown).toContain('| 显卡 | made \\| up |  |')
  const json = toJson(figures, device, { name: 'Nano', version: '1' }, new Date(0))
  const read = JSON.parse(json)
  expect(read).toMatchObject({ at: '1970-01-01T00:00:00.000Z', ...device, pack: { name: 'Nano', version: '1' } })
  expect(read.vision).toEqual({
    status: 'ready',
    packId: 'p',
    backend: 'webgpu',
    adapter: 'made | up',
    embedsTexts: true,
    tellsOrder: true,
    loadMs: 900,
  })
  expect(read.language).toEqual({ status: 'failed', code: 'download-failed' })
  expect(read.answers.map(({ ended }: { ended: string }) => ended)).toEqual(['end', 'length', 'worker-died', 'aborted'])
  expect(read.memory.gpu.vision.peakBytes).toBe(30_000_000)
  for (const copy of [markdown, json]) {
    for (const secret of ['secret', 'holiday', 'private', 'hash-of-the-file', 'A dog runs']) {
      expect(copy).not.toContain(secret)
    }
  }
})
