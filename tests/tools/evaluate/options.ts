/** The command line of `npm run evaluate`. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { AppOptions } from './app-under-test'
import type { Settings } from './run'

const root = resolve(import.meta.dirname, '../../..')

export const tasks = ['caption', 'retrieval', 'qa', 'own-notes', 'parity', 'subject'] as const
export type Task = (typeof tasks)[number]

export const usage = `npm run evaluate -- --data FOLDER [options]

  --pack FOLDER            holds pack.json (default models/valley-nano); its base lies beside it
  --data FOLDER            captions.jsonl[.xz] with photos, strips of square frames or videos: loose, in a subfolder or in a tar
  --split NAME             rows of this split; rows that name none always count; "all" (default val)
  --task NAME              ${tasks.join(', ')} (default caption)
  --limit N                the first N items; of questions N of each kind, evenly spread
  --beams N                1 to 3 (default: the pack's)
  --repetition-penalty X   (default: the pack's)
  --frames N               at most N frames a clip (default: the pack's)
  --no-quotes              no captions of similar scenes in the prompt
  --kind NAME              qa: questions of this kind alone; repeat
  --media FOLDER           qa: where the folders lie that questions name (default VALLEY_DATA, or ../shared/data)
  --reference FILE         parity: what \`python -m training.evaluate --task parity\` wrote
  --vision, --language     wasm or webgpu (default wasm)
  --flavour NAME           the decoder's graph: int8, f32, q8f32, q8f16 (default: the backend's best)
  --out FILE.json          figures; the predictions lie beside them
  --fresh                  forgets the predictions of an earlier run`

export type Options = AppOptions &
  Settings & {
    readonly data: string
    readonly split: string
    readonly task: Task
    /** Of questions, these kinds alone. */
    readonly kinds: readonly string[] | undefined
    readonly media: string
    readonly reference: string | undefined
    readonly out: string | undefined
    readonly fresh: boolean
    /** What makes the figures' file differ from that of the plain command. */
    readonly variant: readonly string[]
  }

/** @throws Error in a sentence where an argument is missing or makes no sense */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      pack: { type: 'string' },
      data: { type: 'string' },
      split: { type: 'string', default: 'val' },
      task: { type: 'string', default: 'caption' },
      limit: { type: 'string' },
      beams: { type: 'string' },
      'repetition-penalty': { type: 'string' },
      frames: { type: 'string' },
      'no-quotes': { type: 'boolean', default: false },
      kind: { type: 'string', multiple: true },
      media: { type: 'string' },
      reference: { type: 'string' },
      vision: { type: 'string', default: 'wasm' },
      language: { type: 'string', default: 'wasm' },
      flavour: { type: 'string' },
      out: { type: 'string' },
      fresh: { type: 'boolean', default: false },
    },
  })
  if (!values.data) throw new Error(`--data is missing\n\n${usage}`)
  const task = tasks.find((name) => name === values.task)
  if (!task) throw new Error(`there is no task "${values.task}": ${tasks.join(', ')}`)
  const here = (path: string) => resolve(process.env.INIT_CWD ?? '.', path)
  const beams = numberOf('beams', values.beams)
  const frames = numberOf('frames', values.frames)
  const penalty = numberOf('repetition-penalty', values['repetition-penalty'])
  return {
    pack: values.pack ? here(values.pack) : resolve(root, 'models/valley-nano'),
    data: here(values.data),
    split: values.split,
    task,
    limit: numberOf('limit', values.limit),
    beams,
    repetitionPenalty: penalty,
    frames,
    quotes: !values['no-quotes'],
    kinds: values.kind,
    media: values.media ? here(values.media) : (process.env.VALLEY_DATA ?? resolve(root, '../shared/data')),
    reference: values.reference && here(values.reference),
    vision: values.vision,
    language: values.language,
    ...(values.flavour ? { flavour: values.flavour } : {}),
    out: values.out && here(values.out),
    fresh: values.fresh,
    variant: [
      ...(beams === undefined ? [] : [`beams${beams}`]),
      ...(penalty === undefined ? [] : [`penalty${penalty}`]),
      ...(frames === undefined ? [] : [`frames${frames}`]),
      ...(values['no-quotes'] ? ['no-quotes'] : []),
      ...(values.flavour ? [values.flavour] : []),
    ],
  }
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const value = Number(text)
  if (!(value > 0) || (name !== 'repetition-penalty' && !Number.isInteger(value))) {
    throw new Error(
      `--${name} ${text}: a positive ${name === 'repetition-penalty' ? 'number' : 'whole number'} was expected`,
    )
  }
  return value
}
