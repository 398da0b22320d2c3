const lockName = 'valley-tab'

/** Makes this tab known to the others for as long as it is open; returns the way to end that earlier. */
export function enterTab(): () => void {
  const leaving = new AbortController()
  const left = new Promise<void>((resolve) => leaving.signal.addEventListener('abort', () => resolve()))
  // Without locks (an insecure origin), tabs do not know of each other.
  globalThis.navigator?.locks?.request(lockName, { mode: 'shared' }, () => left).catch(() => {})
  return () => leaving.abort()
}

/** Whether no other tab of the app is open. */
export async function isOnlyTab(): Promise<boolean> {
  const { held = [] } = (await globalThis.navigator?.locks?.query()) ?? {}
  return held.filter(({ name }) => name === lockName).length <= 1
}
