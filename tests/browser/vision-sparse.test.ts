/** Frames that nothing refers to are not decoded, and those that are wanted come out to the pixel as if they had been. */
import { ALL_FORMATS, BlobSource, Input, type InputVideoTrack, VideoSampleSink } from 'mediabunny'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { SparseSampleSink } from '../../workers/vision/sparse-sink'
import { fetchFile } from './vision-support'

type Frame = { readonly timestamp: number; readonly pixels: Uint8Array }
type Walked = { readonly frames: (Frame | null)[]; readonly decoded: number }

async function openTrack(url: string): Promise<InputVideoTrack> {
  const input = new Input({ source: new BlobSource(await fetchFile(url)), formats: ALL_FORMATS })
  onTestFinished(() => input.dispose())
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error(`no video in ${url}`)
  return track
}

/** What a sink gives at `timestamps`, and how many packets its decoders were fed. */
async function walk(sink: VideoSampleSink, timestamps: readonly number[]): Promise<Walked> {
  const decode = vi.spyOn(VideoDecoder.prototype, 'decode')
  const frames: (Frame | null)[] = []
  for await (const sample of sink.samplesAtTimestamps(timestamps)) {
    if (!sample) {
      frames.push(null)
      continue
    }
    const frame = sample.toVideoFrame()
    const pixels = new Uint8Array(frame.allocationSize())
    await frame.copyTo(pixels)
    frames.push({ timestamp: sample.timestamp, pixels })
    frame.close()
    sample.close()
  }
  const decoded = decode.mock.calls.length
  decode.mockRestore()
  return { frames, decoded }
}

async function compare(url: string, count: number): Promise<{ all: Walked; sparse: Walked }> {
  const track = await openTrack(url)
  const [start, end] = [await track.getFirstTimestamp(), await track.computeDuration()]
  const timestamps = Array.from({ length: count }, (_, at) => start + ((at + 0.5) * (end - start)) / count)
  const all = await walk(new VideoSampleSink(track), timestamps)
  const sparse = await walk(await SparseSampleSink.open(track), timestamps)
  expect(sparse.frames).toHaveLength(count)
  for (const [at, frame] of sparse.frames.entries()) {
    expect(frame?.timestamp).toBe(all.frames[at]?.timestamp)
    expect(frame?.pixels.length).toBeGreaterThan(0)
    expect(frame?.pixels.every((value, byte) => value === all.frames[at]?.pixels[byte])).toBe(true)
  }
  return { all, sparse }
}

describe('H.264 with B-frames', () => {
  test.each(['h264-edit-list.mp4', 'h264-bt601-full.mp4'])('%s: fewer packets, the same pixels', async (name) => {
    const { all, sparse } = await compare(`/tests/fixtures/clips/${name}`, 4)
    expect(sparse.decoded).toBeLessThan(all.decoded * 0.8)
  })

  test('a frame that nothing refers to is there where it is wanted itself', async () => {
    const track = await openTrack('/tests/fixtures/clips/h264-edit-list.mp4')
    const [start, end] = [await track.getFirstTimestamp(), await track.computeDuration()]
    const each = Array.from({ length: 24 }, (_, at) => start + (at * (end - start)) / 24)
    const all = await walk(new VideoSampleSink(track), each)
    const sparse = await walk(await SparseSampleSink.open(track), each)
    expect(sparse.frames.map((frame) => frame?.timestamp)).toEqual(all.frames.map((frame) => frame?.timestamp))
    expect(new Set(sparse.frames.map((frame) => frame?.timestamp)).size).toBe(24)
  })
})

test.each(['vp9.webm', 'av1.mp4'])('%s: its frames are not told apart, and all are decoded', async (name) => {
  const { all, sparse } = await compare(`/tests/fixtures/clips/${name}`, 3)
  expect(sparse.decoded).toBe(all.decoded)
})
