import { expect, test } from 'vitest'
import { createI18n } from '../app/i18n'
import { byDate, type Period, periodName } from './by-date'

const at = (year: number, month: number, date: number, hour = 12) => new Date(year, month - 1, date, hour).getTime()
const now = at(2026, 11, 24, 0) + 60_000

test('conversations stand by how long ago they were, older ones by month', () => {
  const times = [now, at(2026, 11, 23, 23), at(2026, 11, 22), at(2026, 11, 17, 0), at(2026, 11, 16), at(2026, 9, 3)]
  const list = times.map((updatedAt, index) => ({ id: String(index), title: null, updatedAt }))
  expect(byDate(list, now).map(({ period, conversations }) => [period, conversations.map(({ id }) => id)])).toEqual([
    ['today', ['0']],
    ['yesterday', ['1']],
    ['week', ['2', '3']],
    ['month', ['4']],
    ['2026-9', ['5']],
  ])
})

test('a clock that was set back does not hide what is from the future', () => {
  expect(byDate([{ id: 'a', title: null, updatedAt: now + 1e9 }], now)[0]?.period).toBe('today')
})

test('groups are named as each language says it', async () => {
  const t = { en: (await createI18n('en')).t, 'zh-CN': (await createI18n('zh-CN')).t }
  const named = (language: 'en' | 'zh-CN', period: Period) => periodName(period, t[language], language)
  expect(named('en', '2026-3')).toBe('March 2026')
  expect(named('zh-CN', '2026-3')).toBe('2026年3月')
  expect(named('en', '2025-12')).toBe('December 2025')
  expect(named('en', 'week')).toBe('Last 7 days')
  expect(named('zh-CN', 'week')).toBe('最近 7 天')
})
