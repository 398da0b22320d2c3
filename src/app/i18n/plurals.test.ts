/** Every text that counts something takes the form that its language has for the number, none borrowed from another. */
import { describe, expect, test } from 'vitest'
import en from './en.json'
import { createI18n, type Language, languages } from './index'
import zhCN from './zh-CN.json'

const catalogues: Record<Language, object> = { en, 'zh-CN': zhCN }
const counts = [0, 1, 2, 5, 11, 21, 101, 1000, 1.5]

function flatten(value: object, path: string[] = []): [string, string][] {
  return Object.entries(value).flatMap(([key, child]) =>
    typeof child === 'string'
      ? [[[...path, key].join('.'), child] as [string, string]]
      : flatten(child, [...path, key]),
  )
}

const plural = /_(zero|one|two|few|many|other)$/
const counting = [...new Set(flatten(en).flatMap(([key]) => (plural.test(key) ? [key.replace(plural, '')] : [])))]

const spoken = { en: await createI18n('en'), 'zh-CN': await createI18n('zh-CN') } satisfies Record<Language, unknown>

describe.each(Object.keys(languages) as Language[])('%s', (language) => {
  const texts = new Map(flatten(catalogues[language]))
  const rules = new Intl.PluralRules(language)
  // Keys are known here by their spelling only.
  const say = spoken[language].t as unknown as (key: string, values: object) => string

  test.each(counting)('%s', (key) => {
    for (const count of counts) {
      const form = texts.get(`${key}_${rules.select(count)}`) ?? ''
      expect(form, `${count}`).not.toBe('')
      const others = Array.from(form.matchAll(/\{\{(\w+)\}\}/g), ([, name = '']) => [name, `<${name}>`])
      const values: Record<string, unknown> = { ...Object.fromEntries(others), count }
      const filled = form.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name]))
      expect(say(key, values), `${count}`).toBe(filled)
    }
  })
})

test('one is one, and more are more', () => {
  expect(spoken.en.t('clip.ready', { count: 1 })).toBe('1 frame looked at')
  expect(spoken.en.t('clip.ready', { count: 8 })).toBe('8 frames looked at')
  expect(spoken['zh-CN'].t('clip.ready', { count: 1 })).toBe('已看 1 帧')
})
