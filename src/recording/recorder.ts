import { faultOf, type RecordingEnd, type RecordingFault } from './faults'
import type { RecordingFormat } from './format'
import { cameraIds, openStream, type RecordingSource, recordingFormat } from './sources'

/**
 * The longest recording in seconds. A snippet to ask about: the model looks at a few pictures of it, and until it is
 * kept it lies in memory (about 40 MB for two minutes).
 */
export const longestRecording = 120

/** Bits a second: what browsers take by themselves, said so that all take the same. */
const bitsPerSecond = 2_500_000
/** Milliseconds between two pieces: if the recorder fails, no more than this is lost. */
const pieceLength = 1000
/** The button that starts is the one that stops: a second press within this time (ms) is a double click. */
const doubleClick = 500

export type RecorderState =
  /** Nothing was asked of the browser yet. */
  | { readonly status: 'ready' }
  /** The browser asks the person. */
  | { readonly status: 'asking' }
  | { readonly status: 'previewing'; readonly stream: MediaStream; readonly cameras: number }
  /** `since`: on the clock of performance.now(); null until the recorder has its first picture. */
  | { readonly status: 'recording'; readonly stream: MediaStream; readonly since: number | null }
  | { readonly status: 'finishing' }
  /** The recording has been handed over. */
  | { readonly status: 'kept'; readonly end: RecordingEnd }
  | { readonly status: 'failed'; readonly fault: RecordingFault }

export type Recording = {
  readonly pictures: Blob
  readonly container: RecordingFormat['container']
  readonly begun: Date
}

/** One recording that goes on. */
type Run = {
  readonly recorder: MediaRecorder
  readonly format: RecordingFormat
  readonly pieces: Blob[]
  readonly begun: Date
  readonly timer: ReturnType<typeof setTimeout>
  readonly since: number
  end: RecordingEnd | null
}

/**
 * Records a camera or a screen, without sound. It owns the stream: on every way out (stopped, discarded, failed, closed)
 * its tracks are stopped, so that the camera's light goes out.
 */
export class SnippetRecorder {
  readonly #source: RecordingSource
  readonly #onRecorded: (recording: Recording) => void
  readonly #listeners = new Set<() => void>()
  #state: RecorderState = { status: 'ready' }
  #stream: MediaStream | null = null
  #run: Run | null = null
  /** How many there are to choose from, as far as is known. */
  #cameras = 0
  /** Answers to what was asked before the last reset no longer count. */
  #round = 0

  constructor(source: RecordingSource, onRecorded: (recording: Recording) => void) {
    this.#source = source
    this.#onRecorded = onRecorded
  }

  getState = (): RecorderState => this.#state

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Asks for the camera, which is then shown, or for a screen, which is then recorded at once: choosing one usually
   * brings it to the front, and this page is out of reach. To be called when a button is pressed.
   */
  async ask(cameraId?: string): Promise<void> {
    this.close()
    this.#set({ status: 'asking' })
    const round = this.#round
    try {
      const stream = await openStream(this.#source, cameraId)
      if (round !== this.#round) return stopTracks(stream)
      this.#stream = stream
      stream.getVideoTracks()[0]?.addEventListener('ended', this.#onTrackEnded)
      if (this.#source === 'screen') return this.#start(stream)
      document.addEventListener('visibilitychange', this.#onVisibility)
      this.#cameras = (await cameraIds()).length
      if (round === this.#round) this.#set({ status: 'previewing', stream, cameras: this.#cameras })
    } catch (thrown) {
      if (round === this.#round) this.#fail(faultOf(this.#source, thrown))
    }
  }

  /** Shows the next camera. The one before is let go first: phones open one at a time. */
  async nextCamera(): Promise<void> {
    const shown = this.#stream?.getVideoTracks()[0]?.getSettings().deviceId ?? ''
    const ids = await cameraIds()
    if (this.#state.status === 'previewing') await this.ask(ids[(ids.indexOf(shown) + 1) % ids.length])
  }

  start(): void {
    if (this.#state.status === 'previewing') this.#start(this.#state.stream)
  }

  /** Ends the recording and hands it over. */
  stop(): void {
    if (this.#run && performance.now() - this.#run.since > doubleClick) this.#end('stopped')
  }

  /** Throws the recording away; the camera stays on for another. */
  discard(): void {
    const stream = this.#state.status === 'recording' ? this.#state.stream : null
    this.#dropRun()
    if (stream && this.#source === 'camera') {
      this.#set({ status: 'previewing', stream, cameras: this.#cameras })
    } else this.close()
  }

  /** Lets go of everything; what is being recorded is thrown away. It can be asked again. */
  close(): void {
    this.#round += 1
    this.#dropRun()
    this.#release()
    this.#set({ status: 'ready' })
  }

  #start(stream: MediaStream): void {
    const format = recordingFormat()
    try {
      if (!format) throw new Error('no format that this browser records in')
      const recorder = new MediaRecorder(stream, { mimeType: format.mimeType, videoBitsPerSecond: bitsPerSecond })
      const timer = setTimeout(() => this.#end('limit'), longestRecording * 1000)
      const since = performance.now()
      const run: Run = { recorder, format, pieces: [], begun: new Date(), timer, since, end: null }
      recorder.addEventListener('start', () => {
        if (this.#run === run && !run.end) this.#set({ status: 'recording', stream, since: performance.now() })
      })
      recorder.addEventListener('dataavailable', ({ data }) => data.size > 0 && run.pieces.push(data))
      recorder.addEventListener('error', () => this.#run === run && this.#end('failed'))
      // It also stops by itself when its last track ends.
      recorder.addEventListener('stop', () => void this.#finish(run))
      this.#run = run
      recorder.start(pieceLength)
      this.#set({ status: 'recording', stream, since: null })
    } catch (thrown) {
      console.warn('the recorder does not start', thrown)
      this.#fail('recorder-failed')
    }
  }

  #end(end: RecordingEnd): void {
    const run = this.#run
    if (!run) return
    run.end ??= end
    this.#set({ status: 'finishing' })
    // Stopped already, its last piece and its stop event are under way.
    if (run.recorder.state !== 'inactive') run.recorder.stop()
  }

  async #finish(run: Run): Promise<void> {
    // A run that was thrown away.
    if (run !== this.#run) return
    const round = this.#round
    clearTimeout(run.timer)
    this.#release()
    this.#set({ status: 'finishing' })
    const { pieces, format, begun } = run
    // Only the browser's own button ends a screen from outside, and that is pressing stop.
    const end = run.end ?? (this.#source === 'screen' ? 'stopped' : 'lost')
    const raw = new Blob(pieces, { type: `video/${format.container}` })
    const pictures = raw.size > 0 ? await seekable(raw, format) : null
    if (round !== this.#round) return
    this.#run = null
    if (!pictures) return this.#fail('nothing-recorded')
    this.#onRecorded({ pictures, container: format.container, begun })
    this.#set({ status: 'kept', end })
  }

  #onTrackEnded = (): void => {
    if (this.#run) this.#end(this.#source === 'screen' ? 'stopped' : 'lost')
    else this.#fail('camera-lost')
  }

  /** Nobody is filmed by a page that they do not see; a screen is mostly recorded while this page is not seen. */
  #onVisibility = (): void => {
    if (!document.hidden) return
    if (this.#run) this.#end('hidden')
    else this.#fail('camera-hidden')
  }

  #fail(fault: RecordingFault): void {
    this.close()
    this.#set({ status: 'failed', fault })
  }

  /** Forgets the run, so that nothing of it is handed over. */
  #dropRun(): void {
    const run = this.#run
    this.#run = null
    if (!run) return
    clearTimeout(run.timer)
    if (run.recorder.state !== 'inactive') run.recorder.stop()
  }

  #release(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    if (this.#stream) stopTracks(this.#stream)
    this.#stream = null
  }

  #set(state: RecorderState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}

/** With duration and index, or as it was recorded where that fails: it can still be opened, and nothing is lost. */
async function seekable(recording: Blob, format: RecordingFormat): Promise<Blob | null> {
  try {
    // Only who has recorded something needs it.
    const { makeSeekable } = await import('./seekable')
    return await makeSeekable(recording, format)
  } catch (thrown) {
    console.warn('the recording keeps its own container', thrown)
    return recording
  }
}
