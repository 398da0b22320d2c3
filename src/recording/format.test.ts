import { describe, expect, test } from 'vitest'
import { chooseFormat, recordingName } from './format'

describe('the format of a recording', () => {
  test.each([
    ['everything', () => true, 'video/webm;codecs=vp9', 'webm'],
    ['VP8 alone', (type: string) => type.includes('vp8'), 'video/webm;codecs=vp8', 'webm'],
    ['MP4 alone', (type: string) => type.startsWith('video/mp4'), 'video/mp4;codecs=avc1.42E01F', 'mp4'],
    ['MP4 without a word on codecs', (type: string) => type === 'video/mp4', 'video/mp4', 'mp4'],
  ])('of a browser that writes %s', (_, isSupported, mimeType, container) => {
    expect(chooseFormat(isSupported)).toEqual({ mimeType, container })
  })

  test('is none where nothing is supported', () => {
    expect(chooseFormat(() => false)).toBeNull()
  })
})

test('the name says when, with two digits, and can be a file name anywhere', () => {
  const name = recordingName('Camera', new Date(2026, 0, 5, 9, 7, 3), 'webm')
  expect(name).toBe('Camera 2026-01-05 09.07.03.webm')
  expect(recordingName('屏幕', new Date(2026, 10, 24, 20, 15, 59), 'mp4')).toBe('屏幕 2026-11-24 20.15.59.mp4')
  expect(name).not.toMatch(/[\\/:*?"<>|]/)
})
