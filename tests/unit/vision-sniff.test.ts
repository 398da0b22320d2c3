import { expect, test } from 'vitest'
import { codecName, sniff } from '../../workers/vision/sniff'

const bytes = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

test.each([
  ['\xff\xd8\xff\xe0', { kind: 'image', container: 'JPEG', type: 'image/jpeg' }],
  ['\x89PNG\r\n\x1a\n', { kind: 'image', container: 'PNG', type: 'image/png' }],
  ['GIF89a', { kind: 'image', container: 'GIF', type: 'image/gif' }],
  ['RIFF\x10\x00\x00\x00WEBPVP8 ', { kind: 'image', container: 'WebP', type: 'image/webp' }],
  ['\x00\x00\x00\x1cftypavif', { kind: 'image', container: 'AVIF', type: 'image/avif' }],
  ['\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf', { kind: 'image', container: 'AVIF', type: 'image/avif' }],
  ['\x00\x00\x00\x1cftypheic', { kind: 'image', container: 'HEIF', type: 'image/heic' }],
  [
    'RIFF\x10\x00\x00\x00AVI LIST....strhvidsXVID',
    { kind: 'foreign', container: 'AVI', codec: 'MPEG-4 Part 2 (Xvid)' },
  ],
  ['RIFF\x10\x00\x00\x00AVI LIST....strhvids\x00\x00\x00\x00', { kind: 'foreign', container: 'AVI', codec: 'unknown' }],
  ['\x00\x00\x01\xba\x44', { kind: 'foreign', container: 'MPEG program stream', codec: 'MPEG-1/2' }],
  ['OggS\x00\x02..........\x80theora', { kind: 'foreign', container: 'Ogg', codec: 'Theora' }],
  ['\x00\x00\x00\x1cftypisom', { kind: 'unknown' }],
  ['BMxxxxxxxxxxxx, a text that starts like a bitmap', { kind: 'unknown' }],
  ['RIFF\x10\x00\x00\x00WAVEfmt ', { kind: 'unknown' }],
  ['', { kind: 'unknown' }],
])('%j', (head, expected) => {
  expect(sniff(bytes(head))).toEqual(expected)
})

test('codecs have names for people; what has none keeps its identifier', () => {
  expect(codecName('mp4v')).toBe('MPEG-4 Part 2')
  expect(codecName('hevc')).toBe('HEVC (H.265)')
  expect(codecName('V_MPEG4/ISO/ASP')).toBe('MPEG-4 Part 2')
  expect(codecName('vc-1')).toBe('vc-1')
  expect(codecName(null)).toBe('unknown')
})
