/** Questions with a right and a wrong answer about photos and clips, in the shapes that folders have them. */
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { idOf, inSplit, locate, type Source } from './items'
import { type Row, readRows } from './lines'
import type { MediaFolder, MediaLibrary } from './media'

export type Question = {
  readonly id: string
  /** Names the figure: yesno, order, step_order, or "choice" where the row does not say. */
  readonly kind: string
  readonly source: Source
  /** Equal for questions about the same frames. */
  readonly about: string
  readonly question: string
  readonly right: string
  readonly wrong: string
}

type Where = {
  readonly library: MediaLibrary
  /** Folder of the questions. */
  readonly folder: string
  /** Holds the folders that records name as sources. */
  readonly root: string
}

/**
 * From `data`, a file of JSON lines or a folder that has one: qa.jsonl, SPLIT.jsonl, or the `qa` field of its captions file.
 * Questions without two answers to tell apart are left out and counted.
 * @throws Error in a sentence: no such file, media missing
 */
export function loadQuestions(library: MediaLibrary, data: string, split: string, root: string) {
  const isFile = statSync(data).isFile()
  const folder = isFile ? dirname(data) : data
  const names = ['qa.jsonl', 'qa.jsonl.xz', `${split}.jsonl`, 'captions.jsonl', 'captions.jsonl.xz']
  const file = isFile ? data : names.map((name) => join(folder, name)).find(existsSync)
  if (!file) throw new Error(`${folder} holds none of ${names.join(', ')}`)
  const where: Where = { library, folder, root }
  const questions: Question[] = []
  let leftOut = 0
  for (const [index, row] of readRows(file).entries()) {
    if (!inSplit(row, split)) continue
    const found =
      Array.isArray(row.frames) && Array.isArray(row.turns) ? fromRecord(row, where) : fromRow(row, index, file, where)
    leftOut += found.filter((question) => question === null).length
    questions.push(...found.filter((question) => question !== null))
  }
  if (questions.length === 0)
    throw new Error(`${file} has no questions of split "${split}" with two answers to choose from`)
  return { questions, leftOut }
}

/** A dialogue as `python -m training.instructions.generate` writes it: frames [source, item, index], turns, choice. */
function fromRecord(row: Row, where: Where): (Question | null)[] {
  const { id, type, frames, turns, choice, still } = row as {
    id: string
    type: string
    frames: [string, string, number][]
    turns: { question: string; answers?: string[] }[]
    choice?: { right: string; wrong: string }
    still?: boolean
  }
  const cuts = frames.map(([source, item, at]) => {
    const media = folderOf(source, where)
    const file = media.find(item)
    if (!file) throw new Error(`${media.path} has no picture for "${item}", which ${id} asks about`)
    return { file, at }
  })
  const [first] = cuts
  if (!first) return turns.map(() => null)
  // A photo is one file to the app, however many frames training showed of it.
  const source: Source = still
    ? { kind: 'file', file: first.file }
    : { kind: 'frames', frames: cuts.map(({ file, at }) => ({ file, at })) }
  const about = JSON.stringify(still ? frames[0] : frames)
  return turns.map(({ question, answers }, at) => {
    const right = (at === 0 && choice?.right) || answers?.[0]
    const wrong = (at === 0 && choice?.wrong) || (right && otherAnswer(right, undefined, undefined))
    if (!right || !wrong) return null
    return { id: at === 0 ? id : `${id}.${at}`, kind: type, source, about, question, right, wrong }
  })
}

/** A row that asks: `question`/`q`, `answer`/`a`, perhaps `choices`; or one with a list of such in `qa`. */
function fromRow(row: Row, index: number, file: string, { library, folder }: Where): (Question | null)[] {
  const asked = Array.isArray(row.qa)
    ? (row.qa as Row[])
    : row.question !== undefined || row.q !== undefined
      ? [row]
      : []
  if (asked.length === 0) return []
  const name = idOf({ ...row, id: row.image ?? row.video ?? row.media ?? row.clip ?? row.id }, file)
  const { source } = locate(library.open(folder), row, name)
  return asked.map((entry, at) => {
    const question = entry.question ?? entry.q
    const right = spoken(entry.answer ?? entry.a ?? (Array.isArray(entry.answers) ? entry.answers[0] : undefined))
    if (typeof question !== 'string' || typeof right !== 'string') return null
    const wrong = otherAnswer(right, entry.choices ?? entry.options, entry.wrong)
    if (wrong === null) return null
    const kind = typeof entry.type === 'string' ? entry.type : yesOrNo(right) ? 'yesno' : 'choice'
    return { id: `${String(row.id ?? name)}/${index}.${at}`, kind, source, about: name, question, right, wrong }
  })
}

/** `limit` questions of each kind, all where there is no limit. Evenly spread: files begin with what is alike, dogs with dogs. */
export function someOfEachKind(questions: readonly Question[], limit = Number.POSITIVE_INFINITY): Question[] {
  const chosen = new Set<Question>()
  for (const kind of new Set(questions.map((question) => question.kind))) {
    const own = questions.filter((question) => question.kind === kind)
    const count = Math.min(limit, own.length)
    for (let at = 0; at < count; at++) chosen.add(own[Math.floor((at * own.length) / count)] as Question)
  }
  return questions.filter((question) => chosen.has(question))
}

/** "yes" or "no" where the text begins with one of them. */
export function yesOrNo(text: string): 'yes' | 'no' | null {
  const word = /^\W*(yes|no)\b/i.exec(text)?.[1]?.toLowerCase()
  return word === 'yes' || word === 'no' ? word : null
}

const spoken = (answer: unknown) => (typeof answer === 'boolean' ? (answer ? 'yes' : 'no') : answer)

function otherAnswer(right: string, choices: unknown, wrong: unknown): string | null {
  if (typeof wrong === 'string') return wrong
  if (Array.isArray(choices) && choices.length === 2) {
    const other = choices.find((choice) => choice !== right)
    return typeof other === 'string' ? other : null
  }
  const said = yesOrNo(right)
  return said && (said === 'yes' ? 'No.' : 'Yes.')
}

function folderOf(source: string, { library, folder, root }: Where): MediaFolder {
  const places = [join(folder, source), resolve(folder, '..', source), join(root, source)]
  const found = basename(folder) === source ? folder : places.find((path) => existsSync(path))
  if (!found)
    throw new Error(`no folder "${source}" in ${places.map((path) => dirname(path)).join(', ')}: name one with --media`)
  return library.open(found)
}
