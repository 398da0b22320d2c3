/**
 * Draws and encodes the small clips and pictures of tests/fixtures/clips: four coloured quarters and a white disc that
 * crosses from left to right, so that orientation and time can be read off any frame. Everything in them is drawn here.
 * `node --import tsx tests/tools/make-clips.ts` (needs ffmpeg; the tests do not, its output is committed).
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'

const folder = resolve(import.meta.dirname, '../fixtures/clips')
const framesPerSecond = 24
type Color = readonly [number, number, number]
const quarters: readonly (readonly [Color, Color])[] = [
  [
    [200, 40, 40],
    [40, 170, 60],
  ],
  [
    [50, 70, 200],
    [210, 190, 40],
  ],
]
const white: Color = [240, 240, 240]

/** RGBA of the scene at `progress` of 0 to 1; outside `opaque` of the width it is transparent. */
function draw(width: number, height: number, progress: number, opaque = 1): Buffer {
  const pixels = Buffer.alloc(4 * width * height)
  const radius = height / 6
  const centre = radius + progress * (width - 2 * radius)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const inside = Math.hypot(x + 0.5 - centre, y + 0.5 - height / 2) < radius
      const quarter = quarters[y < height / 2 ? 0 : 1]?.[x < width / 2 ? 0 : 1]
      pixels.set([...(inside ? white : (quarter ?? white)), x < opaque * width ? 255 : 0], 4 * (y * width + x))
    }
  }
  return pixels
}

/** `seconds` of the scene as raw RGBA frames; `turn` stores each frame a quarter turn anticlockwise. */
function scene(width: number, height: number, seconds: number, { turn = false, opaque = 1 } = {}): Buffer {
  const count = Math.round(seconds * framesPerSecond)
  return Buffer.concat(
    Array.from({ length: count }, (_, index) => {
      const frame = draw(width, height, index / (count - 1), opaque)
      return turn ? turnAnticlockwise(frame, width, height) : frame
    }),
  )
}

function turnAnticlockwise(pixels: Buffer, width: number, height: number): Buffer {
  const out = Buffer.alloc(pixels.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      out.set(pixels.subarray(4 * (y * width + x), 4 * (y * width + x) + 4), 4 * ((width - 1 - x) * height + y))
    }
  }
  return out
}

const path = (name: string) => resolve(folder, name)
const bitexact = ['-fflags', '+bitexact', '-flags:v', '+bitexact', '-map_metadata', '-1']

function ffmpeg(args: readonly string[], input?: Buffer): Buffer {
  const all = ['-hide_banner', '-loglevel', 'error', '-y', ...args]
  return execFileSync('ffmpeg', all, { maxBuffer: 1 << 28, ...(input ? { input } : {}) })
}

function encode(name: string, frames: Buffer, width: number, height: number, ...args: readonly string[]): void {
  const raw = [
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgba',
    '-s',
    `${width}x${height}`,
    '-r',
    String(framesPerSecond),
    '-i',
    '-',
  ]
  ffmpeg([...raw, ...args, ...bitexact, path(name)], frames)
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const h264 = ['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-crf', '28', '-preset', 'veryslow', '-g', '24']
const vp9 = ['-c:v', 'libvpx-vp9', '-pix_fmt', 'yuv420p', '-b:v', '0', '-crf', '40', '-g', '24']
const wide = scene(320, 180, 3)
const small = scene(160, 90, 2)

// B-frames give an edit list: the first packet's composition time is not zero.
encode('h264-edit-list.mp4', wide, 320, 180, ...h264, '-bf', '2')
encode(
  'h264-bt601-full.mp4',
  small,
  160,
  90,
  ...h264,
  '-vf',
  'scale=out_color_matrix=bt601:out_range=full',
  '-color_range',
  'pc',
  '-colorspace',
  'smpte170m',
  '-color_primaries',
  'smpte170m',
  '-color_trc',
  'smpte170m',
)
encode('h264-wide-pixels.mp4', small, 160, 90, ...h264, '-vf', 'setsar=2')
encode('vp8.webm', small, 160, 90, '-c:v', 'libvpx', '-pix_fmt', 'yuv420p', '-b:v', '100k', '-g', '24')
encode('vp9.webm', wide, 320, 180, ...vp9)
encode('vp9.mkv', small, 160, 90, ...vp9)
encode('vp9-odd-size.webm', scene(161, 91, 1), 161, 91, ...vp9)
encode(
  'vp9-alpha.webm',
  scene(160, 90, 1, { opaque: 0.75 }),
  160,
  90,
  '-c:v',
  'libvpx-vp9',
  '-pix_fmt',
  'yuva420p',
  '-b:v',
  '0',
  '-crf',
  '40',
  '-auto-alt-ref',
  '0',
)
encode(
  'av1.mp4',
  small,
  160,
  90,
  '-c:v',
  'libaom-av1',
  '-pix_fmt',
  'yuv420p',
  '-crf',
  '45',
  '-cpu-used',
  '6',
  '-g',
  '24',
)
// Frames 0.5 s apart at first, then close together.
encode(
  'h264-variable-rate.mp4',
  small,
  160,
  90,
  ...h264,
  '-vf',
  `select='lt(n,24)*not(mod(n,12))+gte(n,24)'`,
  '-fps_mode',
  'vfr',
)
// The container says: turn a quarter clockwise.
encode('turned-source.mp4', scene(160, 90, 2, { turn: true }), 90, 160, ...h264)
ffmpeg([
  '-i',
  path('turned-source.mp4'),
  '-c',
  'copy',
  '-metadata:s:v:0',
  'rotate=270',
  ...bitexact,
  path('h264-rotated.mov'),
])
rmSync(path('turned-source.mp4'))
// Written to a pipe, so the muxer cannot go back and fill in duration and cues.
writeFileSync(
  path('vp9-no-duration.webm'),
  ffmpeg(['-i', path('vp9.webm'), '-c', 'copy', ...bitexact, '-f', 'webm', '-live', '1', '-']),
)
ffmpeg([
  '-f',
  'lavfi',
  '-i',
  'sine=frequency=440:duration=1',
  '-c:a',
  'aac',
  '-b:a',
  '32k',
  ...bitexact,
  path('audio-only.m4a'),
])
encode('mpeg4-part-2.avi', small, 160, 90, '-c:v', 'mpeg4', '-q:v', '12', '-vtag', 'XVID')
encode('mpeg4-part-2.mp4', small, 160, 90, '-c:v', 'mpeg4', '-q:v', '12')

// Damage: a header without its data, data without its header, and noise inside the second half's frames.
const whole = readFileSync(path('h264-edit-list.mp4'))
ffmpeg(['-i', path('h264-edit-list.mp4'), '-c', 'copy', '-movflags', 'faststart', ...bitexact, path('whole.mp4')])
const faststart = readFileSync(path('whole.mp4'))
rmSync(path('whole.mp4'))
writeFileSync(path('damaged-truncated.mp4'), faststart.subarray(0, Math.round(faststart.length * 0.6)))
writeFileSync(path('damaged-no-header.mp4'), whole.subarray(0, Math.round(whole.length * 0.8)))
const noisy = Buffer.from(faststart)
for (let at = Math.round(noisy.length * 0.7); at < noisy.length - 200; at += 7) noisy[at] = (at * 131) % 256
writeFileSync(path('damaged-noise.mp4'), noisy)

const still = draw(160, 90, 0.25)
const picture = (name: string, ...args: readonly string[]) => encode(name, still, 160, 90, '-frames:v', '1', ...args)
picture('still.png')
picture('still.jpg', '-q:v', '3', '-pix_fmt', 'yuvj420p')
picture('still.webp', '-quality', '80')
picture('still.avif', '-c:v', 'libaom-av1', '-still-picture', '1', '-crf', '30', '-pix_fmt', 'yuv420p')
encode('animated.gif', scene(160, 90, 0.5), 160, 90, '-vf', 'fps=6')
encode('still-transparent.png', draw(160, 90, 0.25, 0.75), 160, 90, '-frames:v', '1')
// Stored a quarter turn anticlockwise; EXIF orientation 6 asks for a quarter turn clockwise.
encode('turned.jpg', turnAnticlockwise(still, 160, 90), 90, 160, '-frames:v', '1', '-q:v', '3', '-pix_fmt', 'yuvj420p')
const exif = Buffer.from('ffe1002245786966000049492a0008000000010012010300010000000600000000000000', 'hex')
const turnedJpeg = readFileSync(path('turned.jpg'))
writeFileSync(path('still-exif-6.jpg'), Buffer.concat([turnedJpeg.subarray(0, 2), exif, turnedJpeg.subarray(2)]))
rmSync(path('turned.jpg'))

const total = execFileSync('ls', [folder], { encoding: 'utf8' }).trim().split('\n')
let bytes = 0
for (const name of total) {
  bytes += statSync(path(name)).size
  console.log(`${String(statSync(path(name)).size).padStart(8)} ${name}`)
}
console.log(`${bytes} bytes in ${total.length} files`)
