import { expect, test } from 'vitest'
import { ValleyError } from '../../workers/protocol'
import { type Subject, subjectOf, subjects } from './subjects'
import { unrelatedCaptions } from './unrelated'

const { signal } = new AbortController()
const frame = (timestamp: number, ...vector: number[]) => ({ timestamp, vector: Float32Array.from(vector) })
const clip = { frames: { 0: frame(0, 1, 0, 0), 1: frame(1, 0, 1, 0) } }

/** Unrelated captions come near each frame by 0.1 or 0.3: on average 0.2, with a standard deviation of 0.1. */
const embed = (known: Partial<Record<string, number>>) => async (texts: readonly string[]) =>
  Float32Array.from(
    texts.flatMap((text) => {
      const near = known[text] ?? (unrelatedCaptions.indexOf(text) % 2 === 0 ? 0.3 : 0.1)
      return [0, near, Math.sqrt(1 - near ** 2)]
    }),
  )

test.each(Object.keys(subjects) as Subject[])('%s is found by any of its captions, at any frame', async (name) => {
  for (const caption of subjects[name]) expect(await subjectOf(embed({ [caption]: 0.41 }), clip, signal)).toBe(name)
})

test('of several the nearest is meant', async () => {
  expect(await subjectOf(embed({ 'A dog.': 0.5, 'A truck.': 0.6 }), clip, signal)).toBe('vehicle')
})

test('what stands out no more than by chance is no subject', async () => {
  expect(await subjectOf(embed({ 'A dog.': 0.39 }), clip, signal)).toBeNull()
  expect(await subjectOf(embed({}), clip, signal)).toBeNull()
})

test('without frames or without a text tower there is none; other errors are not hidden', async () => {
  expect(await subjectOf(embed({ 'A dog.': 0.9 }), { frames: {} }, signal)).toBeNull()
  const failing = (code: 'no-text-tower' | 'worker-died') => () => Promise.reject(new ValleyError(code))
  expect(await subjectOf(failing('no-text-tower'), clip, signal)).toBeNull()
  await expect(subjectOf(failing('worker-died'), clip, signal)).rejects.toMatchObject({ code: 'worker-died' })
})
