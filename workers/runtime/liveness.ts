/**
 * Tells the page that this worker still lives: it holds a Web Lock under its own name for as long as it runs, and the
 * page waits for the same lock. The browser frees it however the worker ends, also where no `error` event fires.
 * Called once, first thing in a worker; the page names the worker uniquely.
 */
export function holdLivenessLock(): void {
  if (!self.name || !navigator.locks) return
  navigator.locks
    .request(self.name, () => new Promise<never>(() => {}))
    .catch((cause: unknown) => console.warn('no liveness lock', cause))
}
