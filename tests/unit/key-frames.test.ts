import { resolve } from 'node:path'
import { BufferSource, Input, type InputVideoTrack, WEBM } from 'mediabunny'
import { expect, onTestFinished, test } from 'vitest'
import { atKeyFrames } from '../../workers/vision/key-frames'
import { longClip } from '../tools/long-clip'

const never = new AbortController().signal

/** A clip with a frame a second and a key frame every `keyEvery` seconds. */
async function track(seconds: number, keyEvery: number): Promise<InputVideoTrack> {
  const clip = await longClip(resolve(import.meta.dirname, '../fixtures/clips/vp9.webm'), seconds, 1, keyEvery)
  const input = new Input({ source: new BufferSource(clip), formats: [WEBM] })
  onTestFinished(() => input.dispose())
  return (await input.getPrimaryVideoTrack()) as InputVideoTrack
}

const midpoints = (seconds: number, count: number) =>
  Array.from({ length: count }, (_, at) => ((at + 0.5) / count) * seconds)

test('moments far apart stand on key frames, each within a quarter of their distance', async () => {
  const wanted = midpoints(160, 8)
  const moved = await atKeyFrames(await track(160, 6), wanted, never)
  for (const [at, time] of moved.entries()) {
    expect(time % 6).toBe(0)
    expect(Math.abs(time - (wanted[at] ?? 0))).toBeLessThanOrEqual(5)
  }
  expect(moved).toEqual([12, 30, 54, 72, 90, 114, 132, 150])
})

test('a moment without a key frame near it stays, the others move', async () => {
  // Every 20 s a moment, every 60 s a key frame: 0, 60, 120.
  expect(await atKeyFrames(await track(160, 60), [15, 35, 56, 75, 95, 117], never)).toEqual([15, 35, 60, 75, 95, 120])
})

test('moments of a short clip stay', async () => {
  const wanted = midpoints(60, 8)
  expect(await atKeyFrames(await track(60, 1), wanted, never)).toEqual(wanted)
  expect(await atKeyFrames(await track(160, 1), [80], never)).toEqual([80])
})

test('a stop is heard', async () => {
  const stopped = AbortSignal.abort()
  const clip = await track(160, 1)
  await expect(atKeyFrames(clip, midpoints(160, 8), stopped)).rejects.toMatchObject({ code: 'aborted' })
})
