/** Which pack this browser uses: the one in the address, else the one chosen here, else the app's own. */

const storageKey = 'valley.pack'

/** Absolute URL of the folder with the app's own packs. */
export const modelsUrl = (): string => new URL('models/', new URL(import.meta.env.BASE_URL, location.href)).href

/** The pack chosen here; null where none was, or one that this app does not have (it was served from elsewhere). */
export function chosenPack(stored: string | null, models: string): string | null {
  return stored?.startsWith(models) || stored?.startsWith('opfs:') ? stored : null
}

/** @param asked  what the address names, or the app’s own */
export function initialPack(page: URL, asked: string): string {
  if (page.searchParams.has('pack')) return asked
  return chosenPack(readChoice(), modelsUrl()) ?? asked
}

/** null forgets the choice. */
export function rememberPack(packUrl: string | null): void {
  try {
    if (packUrl === null) localStorage.removeItem(storageKey)
    else localStorage.setItem(storageKey, packUrl)
  } catch {
    // No storage: the choice holds until the page is closed.
  }
}

function readChoice(): string | null {
  try {
    return localStorage.getItem(storageKey)
  } catch {
    return null
  }
}
