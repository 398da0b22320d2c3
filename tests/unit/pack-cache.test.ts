import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openPackCache } from '../../workers/packs/pack-cache'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('a Cache Storage that answers nobody is waited for once, and used again when it answers', async () => {
  const cache = {}
  let answer = () => {}
  const open = vi.fn(() => new Promise((resolve) => (answer = () => resolve(cache))))
  vi.stubGlobal('caches', { open })

  const waiting = openPackCache()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(await waiting).toBeNull()
  expect(await openPackCache()).toBeNull()
  expect(open).toHaveBeenCalledTimes(1)

  answer()
  await vi.advanceTimersByTimeAsync(0)
  const again = openPackCache()
  answer()
  expect(await again).toBe(cache)
  expect(vi.getTimerCount()).toBe(0)
})

test('one that is slow is waited for; one that refuses, or is not there, is none', async () => {
  const cache = {}
  vi.stubGlobal('caches', { open: () => new Promise((resolve) => setTimeout(resolve, 5000, cache)) })
  const slow = openPackCache()
  await vi.advanceTimersByTimeAsync(5000)
  expect(await slow).toBe(cache)

  vi.stubGlobal('caches', { open: () => Promise.reject(new DOMException('', 'SecurityError')) })
  expect(await openPackCache()).toBeNull()
  vi.unstubAllGlobals()
  expect(await openPackCache()).toBeNull()
})
