import i18next, { type i18n } from 'i18next'
import { initReactI18next } from 'react-i18next'
import en from './en.json'
import zhCN from './zh-CN.json'

/** Every language of the page, under its own name. Adding one: a catalogue and a line here. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

export const isLanguage = (value: unknown): value is Language => typeof value === 'string' && value in languages

declare module 'i18next' {
  // A module augmentation can only be an interface.
  // biome-ignore lint/style/useConsistentTypeDefinitions: merging with i18next's own declaration needs an interface
  interface CustomTypeOptions {
    defaultNS: 'translation'
    resources: { translation: typeof en }
  }
}

/** The first of the browser's languages that the page speaks, by language alone where the region differs. */
export function preferredLanguage(wanted: readonly string[]): Language {
  const known = Object.keys(languages).filter(isLanguage)
  const primary = (tag: string) => tag.toLowerCase().split('-')[0]
  for (const tag of wanted) {
    const exact = known.find((language) => language.toLowerCase() === tag.toLowerCase())
    const near = exact ?? known.find((language) => primary(language) === primary(tag))
    if (near) return near
  }
  return 'en'
}

/** An instance with all catalogues; React finds it by itself. */
export function createI18n(language: Language): i18n {
  const instance = i18next.createInstance()
  void instance.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, 'zh-CN': { translation: zhCN } },
    // React escapes by itself.
    interpolation: { escapeValue: false },
    initAsync: false,
  })
  return instance
}
