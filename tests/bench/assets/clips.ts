/** Clips of the bench, drawn and encoded by ffmpeg. */
import { spawnSync } from 'node:child_process'
import { kept } from './folder'

export const clipSizes = { '720p': '1280x720' } as const
export type ClipSize = keyof typeof clipSizes

const encoders = {
  h264: { file: 'mp4', args: ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26'] },
} as const
export type ClipCodec = keyof typeof encoders

const seconds = 10
const framesPerSecond = 30

/** Path of a clip of 10 s at 30 frames/s, a key frame every 2 s: a moving test picture with grain, so that decoding has work. */
export function benchClip(codec: ClipCodec, size: ClipSize): Promise<string> {
  const { file, args } = encoders[codec]
  return kept(`clips/${codec}-${size}.${file}`, (path) => {
    const picture = `testsrc2=size=${clipSizes[size]}:rate=${framesPerSecond}:duration=${seconds},noise=alls=6:allf=t`
    const from = ['-y', '-v', 'error', '-f', 'lavfi', '-i', picture, '-pix_fmt', 'yuv420p']
    const result = spawnSync('ffmpeg', [...from, ...args, '-g', String(2 * framesPerSecond), path], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (result.status !== 0) throw new Error(`ffmpeg could not make ${path}`)
  })
}
