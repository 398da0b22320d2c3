import { expect, test } from 'vitest'
import {
  codecName,
  formatBytes,
  formatLanguages,
  formatPercent,
  formatSeconds,
  formatTime,
  needsTenths,
  sentenceGap,
} from './format'

test.each([
  [0, '0:00'],
  [59.99, '0:59'],
  [60, '1:00'],
  [3599, '59:59'],
  [3600, '1:00:00'],
  [36_061, '10:01:01'],
  [-1, '0:00'],
  [2.9999999, '0:03'],
])('%d s is %s', (seconds, text) => {
  expect(formatTime(seconds)).toBe(text)
})

test('tenths where whole seconds would repeat', () => {
  expect(formatTime(61.25, true)).toBe('1:01.2')
  expect(formatTime(0.3, true)).toBe('0:00.3')
  expect(needsTenths([0.2, 0.7])).toBe(true)
  expect(needsTenths([0.5, 1.5, 2.5])).toBe(false)
})

test('bytes grow into the unit that fits', () => {
  expect(formatBytes(0, 'en')).toBe('0 bytes')
  expect(formatBytes(999, 'en')).toBe('999 bytes')
  expect(formatBytes(12_300, 'en')).toBe('12 kB')
  expect(formatBytes(98_400_000, 'en')).toBe('98.4 MB')
  expect(formatBytes(2_500_000_000, 'en')).toBe('2.5 GB')
})

test('percent reaches 100 only at the end', () => {
  expect(formatPercent(0.999, 'en')).toBe('99%')
  expect(formatPercent(1, 'en')).toBe('100%')
  expect(formatPercent(0.29, 'en')).toBe('29%')
  expect(formatPercent(1.2, 'en')).toBe('100%')
})

test('short durations keep a decimal, long ones do not', () => {
  expect(formatSeconds(1234, 'en')).toBe('1.2 sec')
  expect(formatSeconds(12_340, 'en')).toBe('12 sec')
  expect(formatSeconds(1234, 'zh-CN')).toContain('1.2')
})

test('languages by name in the language of the page', () => {
  expect(formatLanguages(['en'], 'en')).toBe('English')
  expect(formatLanguages(['en', 'zh'], 'zh-CN')).toBe('英语和中文')
})

test.each([
  ['avc1.640028', 'H.264'],
  ['hvc1.1.6.L93', 'HEVC (H.265)'],
  ['hvc1.2.4.L120', '10-bit HEVC (H.265)'],
  ['vp09.00.10.08', 'VP9'],
  ['av01.0.04M.08', 'AV1'],
  ['mp4v.20.9', 'MPEG-4 Part 2'],
  ['V_MPEG4/ISO/ASP', 'MPEG-4 Part 2'],
  ['apch', 'ProRes'],
  ['image/jpeg', 'JPEG'],
  ['image/webp', 'WebP'],
  ['mystery', 'mystery'],
])('%s is called %s', (codec, name) => {
  expect(codecName(codec)).toBe(name)
})

test('sentences in a row stand apart where their language has spaces', () => {
  expect(['A.', 'B.'].join(sentenceGap('en'))).toBe('A. B.')
  expect(['甲。', '乙。'].join(sentenceGap('zh-CN'))).toBe('甲。乙。')
})
