/** Yes/no and either/or questions: by what the model says, and by which of the two answers it finds likelier. */
import { type Question, yesOrNo } from '../data/questions'
import { generationOptions, type Run, type Values, walk } from '../run'
import { tokenise } from '../scoring/tokenise'

type Prediction = {
  readonly id: string
  readonly kind: string
  readonly answer: string
  /** Whether the answer means the right one; false also where it means neither. */
  readonly correct: boolean
  /** Mean log p a token of the right and of the wrong answer; of yes and no alone where the question asks for them. */
  readonly logP: readonly [right: number, wrong: number]
  readonly error?: string
}

/** What an answer means shows in its first sentence. */
const maxNewTokens = 32

type Group = {
  readonly id: string
  readonly source: Question['source']
  readonly frames?: number
  readonly questions: Question[]
}

export async function evaluateQuestions(run: Run, questions: readonly Question[]): Promise<Values> {
  const predictions = run.predictions<Prediction>()
  const options = { ...generationOptions(run), maxNewTokens }
  const groups = groupByFrames(questions.filter(({ id }) => !predictions.get(id)))
  await walk(run, 'clips with questions', groups, async (app, group, encoded) => {
    for (const { id, kind, question, right, wrong } of group.questions) {
      if ('error' in encoded) {
        predictions.add({ id, kind, answer: '', correct: false, logP: [0, 0], error: encoded.error })
        continue
      }
      const { text } = await app.ask(group.id, question, options)
      const [likely = 0, other = 0] = await app.score(group.id, question, compared(right, wrong), options.quotes)
      predictions.add({ id, kind, answer: text, correct: means(text, right, wrong), logP: [likely, other] })
    }
  })
  return count(questions.map(({ id }) => predictions.get(id)).filter((row) => row !== undefined))
}

function groupByFrames(questions: readonly Question[]): Group[] {
  const groups = new Map<string, Group>()
  for (const question of questions) {
    const { about, source } = question
    const group = groups.get(about) ?? {
      id: `qa-${groups.size}`,
      source,
      ...(source.kind === 'frames' ? { frames: source.frames.length } : {}),
      questions: [],
    }
    group.questions.push(question)
    groups.set(about, group)
  }
  return [...groups.values()]
}

/** The texts whose likelihoods decide: the rest of "Yes, there is a dog." would only say how likely dogs are. */
export function compared(right: string, wrong: string): [string, string] {
  const [said, not] = [yesOrNo(right), yesOrNo(wrong)]
  if (!said || !not || said === not) return [right, wrong]
  return said === 'yes' ? ['Yes', 'No'] : ['No', 'Yes']
}

/** Whether an answer means `right`: its first yes or no; else it has more of the words that only `right` has than of the other's. */
export function means(answer: string, right: string, wrong: string): boolean {
  const [said, not] = [yesOrNo(right), yesOrNo(wrong)]
  if (said && not && said !== not) return /\b(yes|no)\b/i.exec(answer)?.[1]?.toLowerCase() === said
  const words = new Set(tokenise(answer))
  const share = (mine: Set<string>, others: Set<string>) => {
    const own = [...mine].filter((word) => !others.has(word))
    return own.length === 0 ? 0 : own.filter((word) => words.has(word)).length / own.length
  }
  const [rights, wrongs] = [new Set(tokenise(right)), new Set(tokenise(wrong))]
  return share(rights, wrongs) > share(wrongs, rights)
}

/** By kind: share of right answers as said and as likelier, and how many there were. */
function count(rows: readonly Prediction[]): Values {
  const values: Record<string, number> = {}
  for (const kind of [...new Set(rows.map((row) => row.kind))].sort()) {
    const own = rows.filter((row) => row.kind === kind)
    const share = (right: (row: Prediction) => boolean) => own.filter(right).length / own.length
    values[kind] = share(({ correct }) => correct)
    values[`${kind}_logp`] = share(({ logP: [likely, other] }) => likely > other)
    if (kind === 'yesno')
      values.yesno_said_yes = share(({ answer }) => /\b(yes|no)\b/i.exec(answer)?.[1]?.toLowerCase() === 'yes')
    values[`${kind}_items`] = own.length
  }
  return { ...values, failed: rows.filter(({ error }) => error !== undefined).length }
}
