import i18next, { type BackendModule, type i18n } from 'i18next'
import { initReactI18next } from 'react-i18next'
import en from './en.json'

/** Every language of the page, under its own name. Adding one: a catalogue, a line here and one below. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

/** English comes with the page, since it stands in for what another lacks; the others come when they are spoken. */
const catalogues: Readonly<Record<Exclude<Language, 'en'>, () => Promise<{ default: object }>>> = {
  'zh-CN': () => import('./zh-CN.json'),
}

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

const laterCatalogues: BackendModule = {
  type: 'backend',
  init: () => {},
  read: (language, _namespace, callback) => {
    const fetch = catalogues[language as keyof typeof catalogues]
    if (!fetch) return callback(null, {})
    fetch().then(
      ({ default: catalogue }) => callback(null, catalogue),
      (thrown: unknown) => callback(thrown instanceof Error ? thrown : String(thrown), null),
    )
  },
}

/** An instance that speaks `language`, or English where its catalogue cannot be had; React finds it by itself. */
export async function createI18n(language: Language): Promise<i18n> {
  const instance = i18next.createInstance()
  await instance
    .use(laterCatalogues)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: 'en',
      resources: { en: { translation: en } },
      partialBundledLanguages: true,
      // React escapes by itself.
      interpolation: { escapeValue: false },
      react: { useSuspense: false },
    })
  return instance
}
