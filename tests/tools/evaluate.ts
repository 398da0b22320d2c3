/** `npm run evaluate`: figures of a pack as it runs in the browser, on a folder of photos or clips with captions or questions. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packSchema } from '../../workers/packs/schema'
import { AppUnderTest } from './evaluate/app-under-test'
import { loadItems } from './evaluate/data/items'
import { MediaLibrary } from './evaluate/data/media'
import { loadQuestions, someOfEachKind } from './evaluate/data/questions'
import { writeFigures } from './evaluate/figures'
import { type Options, readOptions, usage } from './evaluate/options'
import { Predictions } from './evaluate/predictions'
import { duration } from './evaluate/progress'
import type { Run, Values } from './evaluate/run'
import { evaluateCaptions } from './evaluate/tasks/caption'
import { evaluateNotes, loadNotes } from './evaluate/tasks/own-notes'
import { evaluateParity, readReference } from './evaluate/tasks/parity'
import { evaluateQuestions } from './evaluate/tasks/questions'
import { evaluateRetrieval } from './evaluate/tasks/retrieval'
import { evaluateSubjects } from './evaluate/tasks/subject'

/** Reads and checks pack.json. `hash`: the start of its SHA-256, which covers every file of the pack. */
function readPack(folder: string) {
  const path = join(folder, 'pack.json')
  if (!existsSync(path)) throw new Error(`there is no pack at ${folder}: it holds no pack.json`)
  const bytes = readFileSync(path)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
  return { manifest: packSchema.parse(JSON.parse(bytes.toString('utf8'))), hash }
}

async function evaluate(options: Options): Promise<void> {
  const started = Date.now()
  const { manifest, hash } = readPack(options.pack)
  const name = [basename(options.data, '.jsonl'), options.split, options.task, ...options.variant].join('-')
  const out = options.out ?? join('tests/.artifacts/evaluate', `${manifest.id}-${hash}`, `${name}.json`)
  let opened: Promise<AppUnderTest> | undefined
  const openAnother = async (flavour: string) => {
    await (await opened)?.close()
    opened = AppUnderTest.open({ ...options, flavour })
    return opened
  }
  const paths: string[] = []
  const run: Run = {
    manifest,
    settings: options,
    app: () => {
      opened ??= AppUnderTest.open(options)
      return opened
    },
    predictions: <Row extends { readonly id: string }>(kind = 'predictions', parts: object = {}) => {
      const { task, split, beams, repetitionPenalty, frames, quotes, flavour } = options
      const settings = {
        pack: hash,
        data: basename(options.data),
        split,
        task,
        beams,
        repetitionPenalty,
        frames,
        quotes,
        flavour,
        ...parts,
      }
      const path = out.replace(/(\.json)?$/, `.${kind}.jsonl`)
      paths.push(path)
      return Predictions.open<Row>(path, settings, options.fresh)
    },
  }
  try {
    const values = await runTask(run, options, openAnother)
    const app = await opened
    const about = {
      pack: { id: manifest.id, version: manifest.version, sha256: hash },
      data: { folder: basename(options.data), split: options.split, limit: options.limit ?? null },
      decoding: {
        ...manifest.generation,
        ...defined({ beams: options.beams, repetitionPenalty: options.repetitionPenalty }),
        temperature: 0,
        quotes: options.quotes && manifest.captionStore !== undefined,
      },
      engine: app
        ? { browser: app.page.context().browser()?.version() ?? 'Chromium', ...app.loaded }
        : 'predictions of an earlier run',
      seconds: Math.round((Date.now() - started) / 1000),
    }
    if (app && app.errors.length > 0) console.error('errors on the page:', app.errors)
    const { figures } = writeFigures(out, options.task, values, paths.at(-1) ?? out, about)
    for (const [key, { value }] of Object.entries(figures)) console.log(`${key.padEnd(12)} ${value}`)
    console.log(`${duration(Date.now() - started)}; figures in ${out}, predictions in ${paths.at(-1)}`)
  } finally {
    await (await opened?.catch(() => undefined))?.close()
  }
}

function runTask(run: Run, options: Options, open: (flavour: string) => Promise<AppUnderTest>): Promise<Values> {
  const { data, split, task, limit } = options
  const library = new MediaLibrary()
  if (task === 'qa') {
    const { questions, leftOut } = loadQuestions(library, data, split, options.media)
    if (leftOut > 0) console.error(`${leftOut} questions have no two answers to choose from and are left out`)
    const wanted = questions.filter(({ kind }) => options.kinds?.includes(kind) ?? true)
    if (wanted.length === 0) throw new Error(`${data} has no questions of kind ${options.kinds?.join(', ')}`)
    return evaluateQuestions(run, someOfEachKind(wanted, limit))
  }
  const folder = library.open(data)
  if (task === 'own-notes') return evaluateNotes(run, loadNotes(folder).slice(0, limit))
  const items = loadItems(folder, split).slice(0, limit)
  if (task === 'parity') return evaluateParity(run, items, readReference(options.reference), open)
  if (task === 'subject') return evaluateSubjects(run, items)
  return task === 'retrieval' ? evaluateRetrieval(run, items) : evaluateCaptions(run, items)
}

const defined = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

const args = process.argv.slice(2)
if (args.includes('--help')) {
  console.log(usage)
  process.exit(0)
}
try {
  await evaluate(readOptions(args))
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown)
  process.exit(2)
}
