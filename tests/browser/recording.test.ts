/** Recording in a real browser, from the camera and the screen that Chromium draws: what comes out, and what is left on. */
import * as Comlink from 'comlink'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { longestRecording, type Recording, SnippetRecorder } from '../../src/recording/recorder'
import { availableSources, type RecordingSource, recordingFormat } from '../../src/recording/sources'
import { tinyPackUrl } from './language-tiny'
import { encodeFile, startVision } from './vision-support'

/** Every track that the browser gave since the test began. */
let tracks: MediaStreamTrack[] = []
let recorders: SnippetRecorder[] = []
const media = navigator.mediaDevices

beforeEach(() => {
  const user = media.getUserMedia.bind(media)
  const display = media.getDisplayMedia.bind(media)
  const note = (stream: MediaStream) => {
    tracks.push(...stream.getTracks())
    return stream
  }
  vi.spyOn(media, 'getUserMedia').mockImplementation(async (wanted) => note(await user(wanted)))
  vi.spyOn(media, 'getDisplayMedia').mockImplementation(async (wanted) => note(await display(wanted)))
})
afterEach(() => {
  for (const recorder of recorders) recorder.close()
  expect(tracks.map(({ readyState }) => readyState)).toEqual(tracks.map(() => 'ended'))
  recorders = []
  tracks = []
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function recorderOf(source: RecordingSource) {
  const recorded: Recording[] = []
  const recorder = new SnippetRecorder(source, (recording) => recorded.push(recording))
  recorders.push(recorder)
  return { recorder, recorded, status: () => recorder.getState().status }
}

/** Until the recorder has had pictures for so long (ms): on a busy machine the first comes late. */
const filmed = (recorder: SnippetRecorder, milliseconds: number) =>
  expect
    .poll(() => {
      const state = recorder.getState()
      const since = state.status === 'recording' ? state.since : null
      return since !== null && performance.now() - since >= milliseconds
    })
    .toBe(true)
/** In seconds, as a player sees it. */
async function playerOf(file: Blob): Promise<HTMLVideoElement> {
  const video = document.createElement('video')
  video.muted = true
  video.src = URL.createObjectURL(file)
  await new Promise((resolve, reject) => {
    video.onloadeddata = resolve
    video.onerror = () => reject(video.error)
  })
  return video
}

describe('some seconds from the camera', () => {
  test('become a file without sound that says how long it is, seeks, and can be looked at', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    await recorder.ask()
    expect(status()).toBe('previewing')
    expect(tracks.map(({ kind }) => kind)).toEqual(['video'])
    const started = Date.now()
    recorder.start()
    await filmed(recorder, 4000)
    recorder.stop()
    await expect.poll(status).toBe('kept')
    expect(recorder.getState()).toMatchObject({ end: 'stopped' })
    expect(tracks[0]?.readyState).toBe('ended')
    const [recording] = recorded
    expect(recorded).toHaveLength(1)
    if (!recording) throw new Error('nothing recorded')
    expect(recording.pictures.type).toBe(`video/${recording.container}`)
    expect(recording.begun.getTime()).toBeGreaterThanOrEqual(started)
    expect(recording.begun.getTime()).toBeLessThanOrEqual(Date.now())

    const video = await playerOf(recording.pictures)
    expect(video.duration).toBeGreaterThan(1.5)
    expect(video.duration).toBeLessThan(30)
    video.currentTime = 1
    await new Promise((resolve) => {
      video.onseeked = resolve
    })
    expect(video.currentTime).toBeCloseTo(1, 1)
    URL.revokeObjectURL(video.src)

    const { clip, planned } = await look(new File([recording.pictures], 'Camera.webm'))
    expect(Math.abs(clip.media.duration - video.duration)).toBeLessThan(0.2)
    expect(planned.length).toBeGreaterThan(1)
    expect(clip.timestamps.at(-1)).toBeGreaterThan(0.9)
  })

  test('are looked at as well in the file that the browser wrote, should it have to stay as it is', async () => {
    const stream = await media.getUserMedia({ video: true })
    const format = recordingFormat()
    const recorder = new MediaRecorder(stream, { mimeType: format?.mimeType ?? '' })
    const pieces: Blob[] = []
    recorder.ondataavailable = ({ data }) => pieces.push(data)
    recorder.start(500)
    await expect.poll(() => pieces.length).toBeGreaterThanOrEqual(8)
    const stopped = new Promise((resolve) => {
      recorder.onstop = resolve
    })
    recorder.stop()
    await stopped
    for (const track of stream.getTracks()) track.stop()
    const raw = new File(pieces, 'raw.webm')
    const video = await playerOf(raw)
    // This is what makeSeekable is for; a browser that writes the length needs it no longer.
    expect(video.duration).toBe(Number.POSITIVE_INFINITY)
    URL.revokeObjectURL(video.src)
    const { clip, planned } = await look(raw)
    expect(clip.media.duration).toBeGreaterThan(1.5)
    expect(clip.media.duration).toBeLessThan(30)
    expect(planned.length).toBeGreaterThan(1)
  })
})

/** The file through the vision worker, as the page gives it. */
async function look(file: File) {
  const vision = startVision()
  try {
    await vision.api.load(
      { packUrl: tinyPackUrl('tiny-mean') },
      Comlink.proxy(() => undefined),
    )
    return await encodeFile(vision, file)
  } finally {
    vision.end()
  }
}

describe('the camera', () => {
  test('that is discarded stays on for another recording, and nothing is handed over', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    await recorder.ask()
    recorder.start()
    await filmed(recorder, 700)
    recorder.discard()
    expect(status()).toBe('previewing')
    expect(tracks[0]?.readyState).toBe('live')
    recorder.start()
    await filmed(recorder, 900)
    recorder.stop()
    await expect.poll(status).toBe('kept')
    expect(recorded).toHaveLength(1)
    expect(tracks).toHaveLength(1)
  })

  test('that is unplugged leaves what it recorded', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    await recorder.ask()
    recorder.start()
    await filmed(recorder, 1200)
    // A track that a page stops fires no event; one that is unplugged does.
    tracks[0]?.stop()
    tracks[0]?.dispatchEvent(new Event('ended'))
    await expect.poll(status).toBe('kept')
    expect(recorder.getState()).toMatchObject({ end: 'lost' })
    expect((await playerOf(recorded[0]?.pictures ?? new Blob())).duration).toBeGreaterThan(0.5)
  })

  test('that is unplugged before anything was recorded says so', async () => {
    const { recorder } = recorderOf('camera')
    await recorder.ask()
    tracks[0]?.dispatchEvent(new Event('ended'))
    expect(recorder.getState()).toEqual({ status: 'failed', fault: 'camera-lost' })
    expect(tracks[0]?.readyState).toBe('ended')
  })

  test('films nobody behind a page that is out of sight', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    const hidden = vi.spyOn(document, 'hidden', 'get')
    await recorder.ask()
    hidden.mockReturnValue(true)
    document.dispatchEvent(new Event('visibilitychange'))
    expect(recorder.getState()).toEqual({ status: 'failed', fault: 'camera-hidden' })
    hidden.mockReturnValue(false)
    await recorder.ask()
    recorder.start()
    await filmed(recorder, 1200)
    hidden.mockReturnValue(true)
    document.dispatchEvent(new Event('visibilitychange'))
    await expect.poll(status).toBe('kept')
    expect(recorder.getState()).toMatchObject({ end: 'hidden' })
    expect(recorded).toHaveLength(1)
  })

  test('that comes after the dialog was closed is turned off at once', async () => {
    const { recorder, status } = recorderOf('camera')
    const asked = recorder.ask()
    recorder.close()
    await asked
    expect(status()).toBe('ready')
    expect(tracks[0]?.readyState).toBe('ended')
  })

  test('is not recorded twice over, nor for a double click', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    await recorder.ask()
    recorder.start()
    recorder.stop()
    expect(status()).toBe('recording')
    recorder.start()
    await filmed(recorder, 900)
    recorder.stop()
    recorder.stop()
    await expect.poll(status).toBe('kept')
    expect(recorded).toHaveLength(1)
  })

  test('stops by itself at the limit, and that is kept', async () => {
    const { recorder, recorded, status } = recorderOf('camera')
    await recorder.ask()
    const timeout = vi.spyOn(globalThis, 'setTimeout')
    recorder.start()
    const [atLimit] = timeout.mock.calls.find(([, delay]) => delay === longestRecording * 1000) ?? []
    timeout.mockRestore()
    await filmed(recorder, 900)
    if (typeof atLimit !== 'function') throw new Error('no timer for the limit')
    atLimit()
    await expect.poll(status).toBe('kept')
    expect(recorder.getState()).toMatchObject({ end: 'limit' })
    expect(recorded).toHaveLength(1)
  })

  test('that was refused can be asked again', async () => {
    const { recorder, status } = recorderOf('camera')
    vi.mocked(media.getUserMedia).mockRejectedValueOnce(new DOMException('', 'NotAllowedError'))
    await recorder.ask()
    expect(recorder.getState()).toEqual({ status: 'failed', fault: 'camera-refused' })
    await recorder.ask()
    expect(status()).toBe('previewing')
  })
})

describe('the screen', () => {
  test('is recorded as soon as it is chosen, also while the page is out of sight', async () => {
    const { recorder, recorded, status } = recorderOf('screen')
    await recorder.ask()
    expect(recorder.getState()).toMatchObject({ status: 'recording' })
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    document.dispatchEvent(new Event('visibilitychange'))
    await filmed(recorder, 1500)
    expect(status()).toBe('recording')
    hidden.mockReturnValue(false)
    recorder.stop()
    await expect.poll(status).toBe('kept')
    expect((await playerOf(recorded[0]?.pictures ?? new Blob())).duration).toBeGreaterThan(0.8)
  })

  test('that the browser’s own button ends is kept as if stopped here', async () => {
    const { recorder, recorded, status } = recorderOf('screen')
    await recorder.ask()
    await filmed(recorder, 900)
    for (const track of tracks) track.stop()
    await expect.poll(status).toBe('kept')
    expect(recorder.getState()).toMatchObject({ end: 'stopped' })
    expect(recorded).toHaveLength(1)
  })

  test('of which nothing was chosen is told as that', async () => {
    const { recorder } = recorderOf('screen')
    vi.mocked(media.getDisplayMedia).mockRejectedValueOnce(new DOMException('', 'NotAllowedError'))
    await recorder.ask()
    expect(recorder.getState()).toEqual({ status: 'failed', fault: 'nothing-chosen' })
  })
})

test('only what the browser has is offered', () => {
  expect(availableSources()).toEqual(['camera', 'screen'])
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia: media.getUserMedia } })
  expect(availableSources()).toEqual(['camera'])
  vi.stubGlobal('navigator', {})
  expect(availableSources()).toEqual([])
  vi.unstubAllGlobals()
})
