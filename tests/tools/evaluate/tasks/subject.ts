/** The question that is offered to fit a clip: how often there is one, and how often the item's human captions bear it out. */
import { type Subject, subjectOf, subjects } from '../../../../src/moments/subjects'
import type { Item } from '../data/items'
import { type Run, type Values, walk } from '../run'

type Offered = {
  readonly id: string
  readonly subject: Subject | null
  readonly right: boolean
  readonly error?: string
}

/** What captions call each subject. */
const words: Readonly<Record<Subject, RegExp>> = {
  person:
    /\b(?:man|men|woman|women|boys?|girls?|child|children|kids?|bab(?:y|ies)|toddlers?|person|people|persons|guys?|lad(?:y|ies)|crowds?|players?|someone|somebody|adults?|couples?|teenagers?|actors?|singers?|chefs?|hosts?|reporters?|judges?|team|family|group|friends?|performers?|bikers?|cyclists?|skiers?|surfers?|climbers?|swimmers?)\b/i,
  animal:
    /\b(?:animals?|dogs?|pupp(?:y|ies)|cats?|kittens?|birds?|horses?|cows?|fish|monkeys?|bears?|pandas?|lions?|tigers?|elephants?|sheep|goats?|pigs?|rabbits?|ducks?|insects?|snakes?|spiders?|sharks?|whales?|deer|squirrels?|mouse|mice|parrots?|chickens?|owls?|turtles?|frogs?|bees?)\b/i,
  food: /\b(?:food|cook(?:s|ing|ed)?|kitchen|pan|pot|dish(?:es)?|recipe|ingredients?|chicken|meat|vegetables?|sauce|soup|salad|cake|bread|pasta|rice|eat(?:s|ing)?|meal|bowl|chef|egg|eggs|onions?|potato(?:es)?|shrimp|dough|fry|fries|frying|baking|fruits?|cheese)\b/i,
  vehicle:
    /\b(?:vehicles?|cars?|trucks?|bus(?:es)?|van|vans|motorcycles?|motorbikes?|bikes?|trains?|planes?|airplanes?|boats?|ships?|tractors?|driv(?:es?|ing|en)|suv|jeep|scooters?|atvs?|race ?cars?)\b/i,
}
/** A subject is right when this share of an item's captions has a word for it: one caption in ten may speak of anything. */
const share = 0.3

/** Whether captions speak of a subject. */
export function bornOut(subject: Subject, captions: readonly string[]): boolean {
  return captions.filter((caption) => words[subject].test(caption)).length >= share * captions.length
}

/**
 * `offered`: the share of items that get a question of their own; `right`: of these, those whose captions speak of its
 * subject; for each subject how many items got it, and how many of them rightly.
 * @throws Error where the pack has no CLIP
 */
export async function evaluateSubjects(run: Run, items: readonly Item[]): Promise<Values> {
  if (!run.manifest.textTower) throw new Error(`${run.manifest.id} has no text tower to compare frames with`)
  const predictions = run.predictions<Offered>()
  const known = new Map<string, Promise<Float32Array>>()
  // The page asks for the same few captions about every clip, and so does this.
  const embedTexts = (texts: readonly string[]) => {
    const key = texts.join('\n')
    const embedded =
      known.get(key) ?? run.app().then(async (app) => Float32Array.from((await app.embedTexts(texts)).flat()))
    known.set(key, embedded)
    return embedded
  }
  const { signal } = new AbortController()
  const todo = items.filter(({ id }) => !predictions.get(id))
  await walk(run, 'pictures', todo, async (_app, { id, captions }, encoded) => {
    if ('error' in encoded) return predictions.add({ id, subject: null, right: false, error: encoded.error })
    const frames = encoded.vectors.map((vector, at) => ({ timestamp: at, vector: Float32Array.from(vector) }))
    const subject = await subjectOf(embedTexts, { frames: { ...frames } }, signal)
    predictions.add({ id, subject, right: subject !== null && bornOut(subject, captions) })
  })
  const rows = items.flatMap(({ id }) => predictions.get(id) ?? [])
  const offered = rows.filter(({ subject }) => subject !== null)
  const counts = (Object.keys(subjects) as Subject[]).flatMap((name) => {
    const its = offered.filter(({ subject }) => subject === name)
    return [
      [name, its.length],
      [`${name}_right`, its.filter(({ right }) => right).length],
    ] as const
  })
  return {
    offered: offered.length / rows.length,
    right: offered.filter(({ right }) => right).length / Math.max(1, offered.length),
    ...Object.fromEntries(counts),
    items: rows.length,
  }
}
