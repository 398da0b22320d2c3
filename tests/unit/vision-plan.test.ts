import { expect, test } from 'vitest'
import { frameCount, planTimestamps } from '../../workers/vision/plan'
import vectors from '../fixtures/sampling-plan.json'

const sampling = { minFrames: 1, maxFrames: 16, defaultFrames: 8, framesPerSecond: 1 }

test.each(vectors)('$duration s at $framesPerSecond/s, $min to $max, budget $budget: as training plans it', (row) => {
  const plan = { ...sampling, minFrames: row.min, maxFrames: row.max, framesPerSecond: row.framesPerSecond }
  const timestamps = planTimestamps(Number(row.duration), plan, row.budget)
  expect(timestamps).toHaveLength(row.timestamps.length)
  for (const [at, timestamp] of timestamps.entries()) expect(timestamp).toBeCloseTo(row.timestamps[at] ?? Number.NaN, 9)
  expect(frameCount(Number(row.duration), plan, row.budget)).toBe(row.timestamps.length)
})

test('timestamps ascend and stay inside the clip', () => {
  for (const duration of [0.001, 0.3, 7, 61.7, 5000]) {
    const timestamps = planTimestamps(duration, sampling, 16)
    expect(timestamps).toEqual([...timestamps].sort((a, b) => a - b))
    expect(timestamps.every((timestamp) => timestamp > 0 && timestamp < duration)).toBe(true)
  }
})
