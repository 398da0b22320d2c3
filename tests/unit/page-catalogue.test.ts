/** The page's texts: every language complete, every key used, every used key there, every error with its sentences. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { errorSentences } from '../../src/app/error-text'
import { createI18n, type Language, languages, preferredLanguage } from '../../src/app/i18n'
import { errorCodes, ValleyError } from '../../workers/protocol'

const root = resolve(import.meta.dirname, '../../src')
const codes = Object.keys(languages) as Language[]

function flatten(value: unknown, path: string[] = []): [string, string][] {
  if (typeof value === 'string') return [[path.join('.'), value]]
  return Object.entries(value as object).flatMap(([key, child]) => flatten(child, [...path, key]))
}

const catalogue = (language: Language) =>
  new Map(flatten(JSON.parse(readFileSync(join(root, 'app/i18n', `${language}.json`), 'utf8'))))
const withoutPlural = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, '')
const placeholders = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]).sort()

const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path))
  .map((path) => readFileSync(join(root, path), 'utf8'))
/** Keys written out in t('…'), and patterns of those put together in t(`…${x}…`). */
const literal = new Set(sources.flatMap((source) => [...source.matchAll(/\bt\(\s*'([^']+)'/g)].map((m) => m[1] ?? '')))
/** Whatever is quoted in the shape of a key: keys also stand in tables and in either-or. */
const quoted = new Set(
  sources.flatMap((source) => [...source.matchAll(/'(\w+(?:\.[\w-]+)+)'/g)].map((m) => m[1] ?? '')),
)
const composed = sources
  .flatMap((source) => [...source.matchAll(/\b(?:t|asking)\(\s*`([^`]+)`/g)].map((match) => match[1] ?? ''))
  .map((template) => new RegExp(`^${template.replaceAll('.', '\\.').replace(/\$\{[^}]*\}/g, '[\\w-]+')}$`))

describe.each(codes)('%s', (language) => {
  const texts = catalogue(language)
  const english = catalogue('en')

  test('has the same keys as English', () => {
    expect([...new Set([...texts.keys()].map(withoutPlural))].sort()).toEqual(
      [...new Set([...english.keys()].map(withoutPlural))].sort(),
    )
  })

  test('has every plural form of its language, and no other', () => {
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories
    const plurals = new Set([...english.keys()].filter((key) => withoutPlural(key) !== key).map(withoutPlural))
    const forms = [...texts.keys()].filter((key) => plurals.has(withoutPlural(key))).sort()
    expect(forms).toEqual([...plurals].flatMap((key) => categories.map((category) => `${key}_${category}`)).sort())
  })

  test('fills in the same values as English', () => {
    for (const [key, text] of texts) {
      const same = english.get(key) ?? english.get(`${withoutPlural(key)}_other`) ?? ''
      expect(placeholders(text), key).toEqual(placeholders(same))
    }
  })

  test('has no empty text and no exclamation mark', () => {
    for (const [key, text] of texts) {
      expect(text.trim(), key).not.toBe('')
      expect(text, key).not.toMatch(/[!！]/)
    }
  })

  test.each(errorCodes)('says what %s is and what to do', async (code) => {
    const { t } = await createI18n(language)
    const data = { feature: 'WebAssembly', codec: 'hvc1.2.4.L120', status: 503, tokens: 900, limit: 768 }
    const { text, next } = errorSentences(t, language, new ValleyError(code, data), 'holiday.mp4')
    for (const sentence of [text, next]) {
      expect(sentence).toMatch(/[.。]$/)
      expect(sentence).not.toMatch(/\{\{|undefined|null|errors\./)
    }
  })
})

describe('use of keys', () => {
  const keys = new Set([...catalogue('en').keys()].map(withoutPlural))

  test('every key that the page names is in the catalogue', () => {
    expect([...literal].filter((key) => !keys.has(key))).toEqual([])
    for (const pattern of composed)
      expect(
        [...keys].some((key) => pattern.test(key)),
        String(pattern),
      ).toBe(true)
  })

  test('every key of the catalogue is used', () => {
    const unused = [...keys].filter((key) => !quoted.has(key) && !composed.some((pattern) => pattern.test(key)))
    expect(unused).toEqual([])
  })
})

test('errors carry what is known of the file into the sentence', async () => {
  const { t } = await createI18n('en')
  const sentence = (code: 'codec-unsupported' | 'context-full' | 'not-a-video', data: ValleyError['data']) =>
    errorSentences(t, 'en', new ValleyError(code, data), 'holiday.mov').text
  expect(
    sentence('codec-unsupported', { codec: 'HEVC', codecString: 'hvc1.2.4.L120.90', container: 'QuickTime' }),
  ).toBe('holiday.mov is 10-bit HEVC (H.265) in QuickTime, which this browser cannot decode.')
  expect(sentence('codec-unsupported', { codec: 'HEIC', container: 'HEIC' })).toContain('holiday.mov is HEIC, which')
  expect(sentence('codec-unsupported', { container: 'AVI' })).toContain('holiday.mov is AVI, which')
  expect(sentence('context-full', { tokens: 1234, limit: 768 })).toContain('1,234 of at most 768 tokens')
  expect(sentence('not-a-video', {})).toContain('holiday.mov')
})

test.each([
  ['en', /: it still needs 300 MB, and 1(\.0)? kB can be had\.$/, /: it still needs 300 MB\.$/],
  ['zh-CN', /：还需要 300 MB，只剩 1(\.0)? kB 可用。$/, /：还需要 300 MB。$/],
] as const)('too little storage is told in amounts, as far as they are known, in %s', async (language, both, one) => {
  const { t } = await createI18n(language)
  const sentence = (data: ValleyError['data']) => errorSentences(t, language, new ValleyError('quota', data)).text
  expect(sentence({ needed: 300e6, free: 1000 })).toMatch(both)
  expect(sentence({ needed: 300e6, free: 0 })).not.toBe(sentence({ needed: 300e6 }))
  expect(sentence({ needed: 300e6 })).toMatch(one)
  expect(sentence({})).not.toMatch(/[:：]/)
})

test('the browser’s languages choose the page’s', () => {
  expect(preferredLanguage(['zh-TW', 'en'])).toBe('zh-CN')
  expect(preferredLanguage(['fr', 'zh'])).toBe('zh-CN')
  expect(preferredLanguage(['en-GB'])).toBe('en')
  expect(preferredLanguage(['fr', 'de'])).toBe('en')
  expect(preferredLanguage([])).toBe('en')
})
