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

test('moments stand on the nearest key frame, each within two fifths of their distance', async () => {
  const wanted = midpoints(160, 8)
  const moved = await atKeyFrames(await track(160, 6), wanted, never)
  for (const [at, time] of moved.entries()) {
    expect(time % 6).toBe(0)
    expect(Math.abs(time - (wanted[at] ?? 0))).toBeLessThanOrEqual(3)
  }
  expect(new Set(moved).size).toBe(8)
})

test('a moment without a key frame near it stays, the others move', async () => {
  // Every 20 s a moment, every 60 s a key frame: 0, 60, 120.
  const moved = await atKeyFrames(await track(160, 60), [15, 35, 56, 75, 95, 117], never)
  expect(moved).toEqual([15, 35, 60, 75, 95, 120])
})

test('the first frame of a clip is not seen in place of what comes after it', async () => {
  const [first] = await atKeyFrames(await track(160, 160), midpoints(160, 8), never)
  expect(first).toBe(10)
})

test('moments that lie close together stay, and so does one alone', async () => {
  const wanted = midpoints(7, 8)
  expect(await atKeyFrames(await track(7, 1), wanted, never)).toEqual(wanted)
  expect(await atKeyFrames(await track(160, 1), [80.5], never)).toEqual([80.5])
})

test('a stop is heard', async () => {
  const stopped = AbortSignal.abort()
  const clip = await track(160, 1)
  await expect(atKeyFrames(clip, midpoints(160, 8), stopped)).rejects.toMatchObject({ code: 'aborted' })
})
