import { defaultHub, parseHubOrigin } from '../../workers/protocol'
import { type ClipKeeping, clipKeepings } from '../storage/clip-files'
import { isLanguage, type Language, preferredLanguage } from './i18n'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

export const frameChoices = [4, 8, 16] as const

/** Sampling temperature by name; 0 is greedy decoding. */
export const creativities = { precise: 0, balanced: 0.5, creative: 0.9 } as const
export type Creativity = keyof typeof creativities

/** Beams of the answer search by name. */
export const searches = { fast: 1, careful: 3 } as const
export type Search = keyof typeof searches

export type Settings = {
  readonly language: Language
  readonly theme: Theme
  readonly frames: number
  readonly creativity: Creativity
  /** null: as the pack says. */
  readonly search: Search | null
  /** How clips are kept for the next visit. */
  readonly keeping: ClipKeeping
  /** Shows the panel of figures. */
  readonly figures: boolean
  /** Origin of the hub of models, or of a mirror that takes its place. */
  readonly hub: string
}

const storageKey = 'valley.settings'

const oneOf = <T, Otherwise = T>(choices: readonly T[], value: unknown, otherwise: Otherwise): T | Otherwise =>
  choices.includes(value as T) ? (value as T) : otherwise

/** Settings from what was stored; anything missing or foreign becomes the default. */
export function parseSettings(stored: string | null, browserLanguages: readonly string[]): Settings {
  let raw: Record<string, unknown> = {}
  try {
    const parsed: unknown = JSON.parse(stored ?? '{}')
    if (typeof parsed === 'object' && parsed !== null) raw = { ...parsed }
  } catch {
    // A damaged entry counts as none.
  }
  const names = Object.keys(creativities) as Creativity[]
  return {
    language: isLanguage(raw.language) ? raw.language : preferredLanguage(browserLanguages),
    theme: oneOf(themes, raw.theme, 'system'),
    frames: oneOf<number>(frameChoices, raw.frames, 8),
    creativity: oneOf(names, raw.creativity, 'precise'),
    search: oneOf<Search, null>(Object.keys(searches) as Search[], raw.search, null),
    keeping: oneOf<ClipKeeping>(clipKeepings, raw.keeping, 'copy'),
    figures: raw.figures === true,
    hub: (typeof raw.hub === 'string' && parseHubOrigin(raw.hub)) || defaultHub,
  }
}

/** Settings of this browser, kept in localStorage; works without storage too (private windows). */
export class SettingsStore {
  readonly #listeners = new Set<() => void>()
  #settings: Settings

  constructor() {
    this.#settings = parseSettings(readStorage(), navigator.languages)
  }

  get = (): Settings => this.#settings

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  change(change: Partial<Settings>): void {
    this.#settings = { ...this.#settings, ...change }
    try {
      localStorage.setItem(storageKey, JSON.stringify(this.#settings))
    } catch {
      // No storage: the choice holds until the page is closed.
    }
    for (const listener of this.#listeners) listener()
  }
}

function readStorage(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}
