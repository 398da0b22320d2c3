import { expect, test } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import { chooseEvidence, evidenceFor, isComparable, nearestAnswer, similarities } from './evidence'
import { unrelatedCaptions } from './unrelated'

const { signal } = new AbortController()
const frame = (index: number, ...vector: number[]) => ({
  index,
  timestamp: index * 2 + 1,
  vector: Float32Array.from(vector),
})
const clipOf = (...frames: ReturnType<typeof frame>[]) => ({
  frames: Object.fromEntries(frames.map((f) => [f.index, f])),
})
/** Texts by their first word; what is not listed lies across both axes of the frames. */
const embed = (known: Record<string, [number, number, number]>) => async (texts: readonly string[]) =>
  Float32Array.from(texts.flatMap((text) => known[text.split(' ')[0] ?? ''] ?? [0, 0, 1]))
/** An unrelated caption's similarity to two frames. */
const others = (count: number, ...row: number[]) => Array.from({ length: count }, () => row)

test('similarities are cosines: a frame of another length ranks the same', () => {
  const rows = similarities(Float32Array.from([1, 0, 0, 1]), [Float32Array.from([3, 4]), Float32Array.from([0, 0.5])])
  expect(rows.map((row) => row.map((value) => Number(value.toFixed(5))))).toEqual([
    [0.6, 0],
    [0.8, 1],
  ])
})

test('evidence is the nearest frame and those nearer to it than to chance, at most four, in order of time', () => {
  const unrelated = others(20, 0.1, 0.1)
  const times = (answer: number[]) =>
    chooseEvidence(
      answer.map((_, index) => index),
      answer,
      unrelated,
    ).frames.map(({ timestamp }) => timestamp)
  expect(times([0.15, 0.3, 0.19, 0.21])).toEqual([1, 3])
  expect(times([0.29, 0.3, 0.28, 0.27, 0.26, 0.25])).toEqual([0, 1, 2, 3])
  expect(times([0.02, 0.05])).toEqual([1])
})

test('an answer is unsure unless it stands out from unrelated captions by their own spread', () => {
  // A mean of 0.2, a standard deviation of 0.1.
  const unrelated = [...others(20, 0.1, 0), ...others(20, 0.3, 0)]
  const unsure = (similarity: number) => chooseEvidence([0, 1], [similarity, 0], unrelated).unsure
  expect([0.05, 0.2, 0.29, 0.31, 0.6].map(unsure)).toEqual([true, true, true, false, false])
})

test('what is denied has no frames, and what names a single thing is not marked', async () => {
  const clip = clipOf(frame(0, 1, 0, 0), frame(1, 0, 2, 0))
  const told = async (answer: string) => (await evidenceFor(embed({}), clip, answer, signal))?.unsure
  expect(await told('A man rides a horse.')).toBe(true)
  expect(await told('It is outdoors.')).toBe(false)
  expect(await told('Yes, there is a dog in the picture.')).toBe(false)
  for (const denied of [
    'No, there is no dog.',
    "I can't see a cat on the sofa.",
    'It’s nothing but grass.',
    '这里没有狗和猫。',
  ])
    expect(await told(denied), denied).toBeUndefined()
})

test('an answer points at its frames through the text tower', async () => {
  const clip = clipOf(frame(0, 1, 0, 0), frame(1, 0, 2, 0))
  const embedTexts = embed({ Red: [0, 1, 0] })
  const evidence = await evidenceFor(embedTexts, clip, 'Red cars race by.', signal)
  expect(evidence).toEqual({ frames: [{ timestamp: 3, similarity: 1 }], unsure: false })
  expect((await evidenceFor(embedTexts, clip, 'Something else entirely.', signal))?.unsure).toBe(true)
})

test('there is no evidence without frames, without a text tower, or for an answer that names nothing', async () => {
  const clip = clipOf(frame(0, 1, 0, 0))
  const fails = (error: Error) => () => Promise.reject(error)
  const say = 'A man rides a horse.'
  expect(await evidenceFor(embed({}), clipOf(), say, signal)).toBeNull()
  expect(await evidenceFor(fails(new ValleyError('no-text-tower')), clip, say, signal)).toBeNull()
  expect(await evidenceFor(fails(new Error('never asked')), clip, 'Yes.', signal)).toBeNull()
  await expect(evidenceFor(fails(new ValleyError('worker-died')), clip, say, signal)).rejects.toThrow('worker-died')
  expect(['No, it is not.', 'Two dogs', '', 'There is a dog.'].map(isComparable)).toEqual([false, false, false, true])
})

test('of several answers the one nearest to any frame is kept', async () => {
  const clip = clipOf(frame(0, 1, 0, 0), frame(1, 0, 2, 0))
  const embedTexts = embed({ near: [0.9, 0.1, 0], nearest: [0, 1, 0] })
  expect(await nearestAnswer(embedTexts, clip, ['far', 'near', 'nearest'], signal)).toBe(2)
  expect(await nearestAnswer(embedTexts, clipOf(), ['far'], signal)).toBeNull()
})

test('no unrelated caption stands there twice', () => {
  expect(new Set(unrelatedCaptions).size).toBe(unrelatedCaptions.length)
})
