/**
 * Opens a file and says what it is: a video through mediabunny, a picture through the browser's own decoder, or an error
 * that says precisely why neither. Frames come out as MediaFrame, one type for both.
 */
import {
  ADTS,
  BlobSource,
  FLAC,
  Input,
  type InputVideoTrack,
  MATROSKA,
  MP3,
  MP4,
  MPEG_TS,
  OGG,
  QTFF,
  UnsupportedInputFormatError,
  WAVE,
  WEBM,
} from 'mediabunny'
import { type MediaInfo, throwIfAborted, toValleyError, ValleyError } from '../protocol'
import type { Ledger } from '../runtime/ledger'
import { decodeFrames } from './frames'
import { quarterTurn } from './geometry'
import { openImage } from './image'
import { atKeyFrames } from './key-frames'
import type { MediaFrame } from './media-frame'
import { codecName, sniff, sniffBytes } from './sniff'
import { withDeadline } from './watchdog'

// HLS is left out on purpose: a playlist names files elsewhere, and nothing here may reach out.
const formats = [MP4, QTFF, MATROSKA, WEBM, OGG, MPEG_TS, MP3, WAVE, FLAC, ADTS]

export type OpenedMedia = {
  readonly info: MediaInfo
  /** First presentation timestamp in seconds; the plan covers [start, start + info.duration]. */
  readonly start: number
  /**
   * The same moments (presentation timestamps in seconds, ascending), those of a long video moved a little to where a frame
   * costs least. Errors: aborted
   */
  settle(timestamps: readonly number[], signal: AbortSignal): Promise<readonly number[]>
  /**
   * The frames shown at `timestamps` (seconds, ascending): for each the last one at or before it, each frame once, with
   * its own presentation timestamp. Frames that cannot be decoded are left out. The consumer closes each frame.
   * Errors: clip-damaged {stage: 'decode'} where not one can be decoded, file-unreadable, aborted.
   */
  frames(timestamps: readonly number[], signal: AbortSignal): AsyncGenerator<MediaFrame, void, undefined>
  dispose(): void
}

/** Milliseconds that reading headers may take, and of them walking to the end of a file that has no index. */
const openDeadline = 20_000
const durationDeadline = 10_000

/**
 * Errors: empty-file, not-a-video {name, type}, no-video-track {format}, codec-unsupported {codec, container},
 * clip-damaged {stage: 'open'}, file-unreadable, unsupported-browser {feature}, aborted.
 */
export async function openMedia(file: Blob, name: string, ledger: Ledger, signal: AbortSignal): Promise<OpenedMedia> {
  throwIfAborted(signal)
  if (file.size === 0) throw new ValleyError('empty-file', { name })
  if (!('VideoFrame' in globalThis)) throw new ValleyError('unsupported-browser', { feature: 'WebCodecs' })
  const head = await readHead(file)
  const sniffed = sniff(head)
  if (sniffed.kind === 'image') return openImage(file, sniffed, ledger, signal)
  if (sniffed.kind === 'foreign') {
    throw new ValleyError('codec-unsupported', { codec: sniffed.codec, container: sniffed.container, name })
  }
  return openVideo(file, name, ledger, signal)
}

async function readHead(file: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.slice(0, sniffBytes).arrayBuffer())
  } catch (thrown) {
    throw toValleyError(thrown, 'file-unreadable')
  }
}

async function openVideo(file: Blob, name: string, ledger: Ledger, signal: AbortSignal): Promise<OpenedMedia> {
  const input = new Input({ source: new BlobSource(file), formats })
  const uncount = ledger.open('input')
  const dispose = () => {
    input.dispose()
    uncount()
  }
  try {
    const opened = await withDeadline(describe(input, file, name, signal), openDeadline, signal, 'open')
    return {
      info: opened.info,
      start: opened.start,
      settle: (timestamps, signal) => atKeyFrames(opened.track, timestamps, signal),
      frames: (timestamps, signal) => decodeFrames({ ...opened, file }, timestamps, ledger, signal),
      dispose,
    }
  } catch (thrown) {
    dispose()
    throw await mediaError(thrown, file, 'open')
  }
}

async function describe(input: Input, file: Blob, name: string, signal: AbortSignal) {
  const format = await input.getFormat().catch((thrown) => {
    if (thrown instanceof UnsupportedInputFormatError) throw new ValleyError('not-a-video', { name, type: file.type })
    throw thrown
  })
  const tracks = await input.getTracks()
  if (tracks.length === 0) throw new ValleyError('clip-damaged', { stage: 'open', name, detail: 'no tracks' })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new ValleyError('no-video-track', { format: format.name, name })
  await requireDecodable(track, format.name)

  const start = Math.max(0, await track.getFirstTimestamp())
  const rotation = quarterTurn(await track.getRotation())
  const info: MediaInfo = {
    kind: 'video',
    container: containerNames[format.name] ?? format.name,
    codec: (await track.getCodecParameterString()) ?? codecName(await track.getCodec()),
    width: Math.round(await track.getDisplayWidth()),
    height: Math.round(await track.getDisplayHeight()),
    rotation,
    duration: Math.max(0, (await endOf(track, signal)) - start),
  }
  return { track, info, start }
}

const containerNames: Readonly<Record<string, string>> = { 'QuickTime File Format': 'QuickTime' }

async function requireDecodable(track: InputVideoTrack, container: string): Promise<void> {
  const codec = await track.getCodec()
  if (codec === null) {
    throw new ValleyError('codec-unsupported', { codec: codecName(await track.getInternalCodecId()), container })
  }
  if (!('VideoDecoder' in globalThis)) throw new ValleyError('unsupported-browser', { feature: 'WebCodecs' })
  if (await track.canDecode()) return
  const codecString = (await track.getCodecParameterString()) ?? codec
  throw new ValleyError('codec-unsupported', { codec: codecName(codec), codecString, container })
}

/** End of the video track in seconds. Where the packets cannot be walked to their end in time, what the header claims. */
async function endOf(track: InputVideoTrack, signal: AbortSignal): Promise<number> {
  const walked = withDeadline(track.computeDuration(), durationDeadline, signal, 'open')
  const computed = await walked.catch(() => Number.NaN)
  if (Number.isFinite(computed) && computed > 0) return computed
  return (await track.getDurationFromMetadata().catch(() => null)) ?? 0
}

/**
 * What a failure while reading or decoding means. A blob whose bytes can no longer be read explains everything else, so
 * that is asked first.
 */
export async function mediaError(thrown: unknown, file: Blob, stage: string): Promise<ValleyError> {
  if (thrown instanceof ValleyError) return thrown
  const readable = await file
    .slice(Math.max(0, file.size - 1))
    .arrayBuffer()
    .then(() => true)
    .catch(() => false)
  return readable ? toValleyError(thrown, 'clip-damaged', { stage }) : toValleyError(thrown, 'file-unreadable')
}
