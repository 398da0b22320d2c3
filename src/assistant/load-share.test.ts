import { expect, test } from 'vitest'
import type { LoadStage } from '../../workers/protocol'
import { LoadShare } from './load-share'

test('the share of a load never goes back, though files are fetched and prepared side by side', () => {
  const load = new LoadShare()
  const at = (stage: LoadStage, done: number, total: number) => load.take({ stage, done, total })
  const shares = [
    at('manifest', 0, 1),
    at('download', 5, 10),
    at('verify', 5, 10),
    at('derive', 5, 10),
    // Another file adds to what is to be fetched.
    at('download', 5, 20),
    at('download', 15, 20),
    at('session', 0, 1),
    at('warm-up', 1, 1),
  ]
  expect(shares).toEqual([...shares].sort((a, b) => a - b))
  expect(shares[5]).toBeGreaterThan(shares[3] ?? 1)
  expect(shares.at(-1)).toBeCloseTo(1)
  expect(new LoadShare().take({ stage: 'download', done: 0, total: 0 })).toBeGreaterThanOrEqual(0)
})

test('what is kept from a visit before counts as fetched and prepared once a session starts', () => {
  expect(new LoadShare().take({ stage: 'session', done: 0, total: 1 })).toBeCloseTo(0.85)
})
