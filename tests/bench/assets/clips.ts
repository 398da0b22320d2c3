/** Clips of the bench, drawn and encoded by ffmpeg. */
import { spawnSync } from 'node:child_process'
import type { ClipCodec, ClipSize } from '../measures'
import { kept } from './folder'

const sizes: Readonly<Record<ClipSize, string>> = { '720p': '1280x720', '1080p': '1920x1080' }

/** Encoders by codec, best first; the first that this ffmpeg has is taken. */
const encoders: Readonly<Record<ClipCodec, { file: string; encoders: Readonly<Record<string, readonly string[]>> }>> = {
  h264: { file: 'mp4', encoders: { libx264: ['-preset', 'veryfast', '-crf', '26'] } },
  vp9: {
    file: 'webm',
    encoders: {
      'libvpx-vp9': ['-b:v', '0', '-crf', '36', '-deadline', 'realtime', '-cpu-used', '8', '-row-mt', '1'],
    },
  },
  av1: {
    file: 'mp4',
    encoders: {
      libsvtav1: ['-preset', '10', '-crf', '40'],
      'libaom-av1': ['-crf', '40', '-b:v', '0', '-usage', 'realtime', '-cpu-used', '9', '-row-mt', '1'],
    },
  },
}

const framesPerSecond = 30
/** Length of every clip that is not named by its length. */
const seconds = 10

/** No encoder for a codec; the message says which. */
export class EncoderMissing extends Error {}

function ffmpeg(...args: readonly string[]): void {
  // SVT-AV1 speaks past ffmpeg's own log level; 1: errors.
  const env = { ...process.env, SVT_LOG: '1' }
  const { status } = spawnSync('ffmpeg', ['-y', '-v', 'error', ...args], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  if (status !== 0) throw new Error(`ffmpeg failed: ${args.join(' ')}`)
}

let listed: string | undefined

function encoderOf(codec: ClipCodec): [name: string, args: readonly string[]] {
  listed ??= spawnSync('ffmpeg', ['-v', 'error', '-encoders'], { encoding: 'utf8' }).stdout ?? ''
  const available = new Set(listed.split('\n').map((line) => line.trim().split(/\s+/)[1]))
  const found = Object.entries(encoders[codec].encoders).find(([name]) => available.has(name))
  if (!found) throw new EncoderMissing(`ffmpeg has no encoder for ${codec}`)
  return found
}

/**
 * Path of a clip of 10 s at 30 frames/s, a key frame every 2 s: a moving test picture with grain, so that decoding has work.
 * Throws EncoderMissing.
 */
export function benchClip(codec: ClipCodec, size: ClipSize): Promise<string> {
  return kept(`clips/${codec}-${size}.${encoders[codec].file}`, (path) => {
    const [name, args] = encoderOf(codec)
    const picture = `testsrc2=size=${sizes[size]}:rate=${framesPerSecond}:duration=${seconds},noise=alls=6:allf=t`
    const from = ['-f', 'lavfi', '-i', picture, '-pix_fmt', 'yuv420p']
    ffmpeg(...from, '-c:v', name, ...args, '-g', String(2 * framesPerSecond), path)
  })
}

/** Path of an H.264 clip in 720p of `length` seconds, without grain: 10 s of it, again and again. */
export async function longClip(length: number): Promise<string> {
  const source = await kept('clips/plain.mp4', (path) => {
    const [name, args] = encoderOf('h264')
    const picture = `testsrc2=size=${sizes['720p']}:rate=${framesPerSecond}:duration=${seconds}`
    const from = ['-f', 'lavfi', '-i', picture, '-pix_fmt', 'yuv420p']
    ffmpeg(...from, '-c:v', name, ...args, '-crf', '32', '-g', String(2 * framesPerSecond), path)
  })
  return kept(`clips/plain-${length}-s.mp4`, (path) => {
    const times = Math.ceil(length / seconds) - 1
    ffmpeg('-stream_loop', String(times), '-i', source, '-t', String(length), '-c', 'copy', path)
  })
}
