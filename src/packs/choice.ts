/** Which pack this browser uses: the one in the address, else the one chosen here, else the app's own; and how it pools. */
import { type HubPooling, hubPoolings, hubRepository } from '../../workers/protocol'

const storageKey = 'valley.pack'
const poolingKey = 'valley.pooling'
const pausedKey = 'valley.paused'

/** Absolute URL of the folder with the app's own packs. */
export const modelsUrl = (): string => new URL('models/', new URL(import.meta.env.BASE_URL, location.href)).href

/** The pack chosen here; null where none was, or one that this app does not have (it was served from elsewhere). */
export function chosenPack(stored: string | null, models: string): string | null {
  const here = stored?.startsWith(models) || stored?.startsWith('opfs:')
  return here || (stored && hubRepository(stored)) ? stored : null
}

/** @param asked  what the address names, or the app’s own */
export function initialPack(page: URL, asked: string): string {
  if (page.searchParams.has('pack')) return asked
  return chosenPack(readChoice(), modelsUrl()) ?? asked
}

/** null forgets the choice. */
export const rememberPack = (packUrl: string | null): void => write(storageKey, packUrl)

/** Forgets the choice, where it is one of these. */
export function forgetPack(chosen: (packUrl: string) => boolean): void {
  if (chosen(readChoice() ?? '')) rememberPack(null)
}

/** How the person has this pack of the hub pool clips; null: as it does by itself. */
export const rememberedPooling = (packUrl: string): HubPooling | null => readPoolings()[packUrl] ?? null

export function rememberPooling(packUrl: string, pooling: HubPooling): void {
  write(poolingKey, JSON.stringify({ ...readPoolings(), [packUrl]: pooling }))
}

function readPoolings(): Readonly<Record<string, HubPooling>> {
  try {
    const stored: unknown = JSON.parse(read(poolingKey) ?? '{}')
    const known = Object.entries(stored ?? {}).filter(([, pooling]) => hubPoolings.includes(pooling))
    return Object.fromEntries(known)
  } catch {
    // A damaged entry counts as none.
    return {}
  }
}

const readChoice = () => read(storageKey)

/** What the engine's `pauses` are: the loading that the person stopped stays stopped through reloads. */
export const rememberedPauses = {
  has: (packUrl: string): boolean => read(pausedKey) === packUrl,
  remember: (packUrl: string | null): void => write(pausedKey, packUrl),
}

function write(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key)
    else localStorage.setItem(key, value)
  } catch {
    // No storage: it holds until the page is closed.
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}
