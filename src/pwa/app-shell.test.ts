import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AppShell } from './app-shell'

/** A service worker as far as the page looks at one. */
class FakeWorker extends EventTarget {
  state = 'installing'
  readonly postMessage = vi.fn()
  becomes(state: string): void {
    this.state = state
    this.dispatchEvent(new Event('statechange'))
  }
}

class FakeRegistration extends EventTarget {
  installing: FakeWorker | null = null
  waiting: FakeWorker | null = null
  active: FakeWorker | null = null
  readonly update = vi.fn(async () => {})
}

class FakeContainer extends EventTarget {
  controller: FakeWorker | null = null
  readonly register = vi.fn(async (_script: URL): Promise<FakeRegistration | undefined> => registration)
  controlledBy(worker: FakeWorker): void {
    this.controller = worker
    this.dispatchEvent(new Event('controllerchange'))
  }
}

let registration: FakeRegistration
let container: FakeContainer
const reload = vi.fn()

beforeEach(() => {
  registration = new FakeRegistration()
  container = new FakeContainer()
  reload.mockReset()
  const stored = new Map<string, string>()
  vi.stubGlobal('navigator', {
    serviceWorker: container,
    locks: { request: async (_name: string, use: () => void) => use(), query: async () => ({}) },
  })
  vi.stubGlobal('document', new EventTarget())
  vi.stubGlobal('crossOriginIsolated', true)
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

const open = (mayReload = () => true) =>
  new AppShell({ script: new URL('https://host.test/app/service-worker.js'), mayReload, reload })

/** Whether the page may go on, after everything that is under way has had its turn. */
async function isThrough(start: Promise<void>): Promise<boolean> {
  let through = false
  void start.then(() => {
    through = true
  })
  await new Promise((resolve) => setTimeout(resolve, 5))
  return through
}

function firstInstall(): FakeWorker {
  const worker = new FakeWorker()
  registration.installing = worker
  return worker
}

test('the first visit goes on when the service worker serves the page', async () => {
  const worker = firstInstall()
  const start = open().start()
  expect(await isThrough(start)).toBe(false)
  container.controlledBy(worker)
  expect(await isThrough(start)).toBe(true)
  expect(reload).not.toHaveBeenCalled()
})

test('a later visit does not wait', async () => {
  container.controller = new FakeWorker()
  container.register.mockReturnValue(new Promise(() => {}))
  expect(await isThrough(open().start())).toBe(true)
})

test('an installation that fails, is refused, blocked or silent keeps nobody', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  const worker = firstInstall()
  const failing = open().start()
  await isThrough(failing)
  worker.becomes('redundant')
  expect(await isThrough(failing)).toBe(true)

  container.register.mockRejectedValueOnce(new DOMException('', 'SecurityError'))
  expect(await isThrough(open().start())).toBe(true)

  container.register.mockResolvedValueOnce(undefined)
  expect(await isThrough(open().start())).toBe(true)

  vi.useFakeTimers()
  firstInstall()
  const silent = open().start()
  await vi.advanceTimersByTimeAsync(20_000)
  await expect(silent).resolves.toBeUndefined()
})

test('without the isolation headers the page is reloaded once, and only once', async () => {
  vi.stubGlobal('crossOriginIsolated', false)
  container.controller = new FakeWorker()
  expect(await isThrough(open().start())).toBe(false)
  expect(reload).toHaveBeenCalledTimes(1)
  // The same tab, after that reload, on a browser that still does not isolate.
  expect(await isThrough(open().start())).toBe(true)
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a reload past the cache has no service worker though there is one: it is reloaded, not waited for', async () => {
  vi.stubGlobal('crossOriginIsolated', false)
  registration.active = new FakeWorker()
  expect(await isThrough(open().start())).toBe(false)
  expect(reload).toHaveBeenCalledTimes(1)
})

test('a page that somebody has begun to use is not reloaded', async () => {
  vi.stubGlobal('crossOriginIsolated', false)
  container.controller = new FakeWorker()
  expect(await isThrough(open(() => false).start())).toBe(true)
  expect(reload).not.toHaveBeenCalled()
})

test('an update is announced when it waits, and taken when it is agreed to', async () => {
  container.controller = new FakeWorker()
  const shell = open()
  await shell.start()
  await isThrough(Promise.resolve())
  expect(shell.getState()).toBe('none')
  const next = new FakeWorker()
  registration.installing = next
  registration.dispatchEvent(new Event('updatefound'))
  registration.waiting = next
  next.becomes('installed')
  expect(shell.getState()).toBe('ready')
  next.postMessage.mockImplementation(() => container.controlledBy(next))
  await shell.apply()
  expect(next.postMessage).toHaveBeenCalledWith({ type: 'SKIP_WAITING' })
  expect(reload).toHaveBeenCalledTimes(1)
})

test('an update that another tab took is told, and nothing is reloaded unasked', async () => {
  container.controller = new FakeWorker()
  const shell = open()
  await shell.start()
  await isThrough(Promise.resolve())
  container.controlledBy(new FakeWorker())
  expect(shell.getState()).toBe('elsewhere')
  expect(reload).not.toHaveBeenCalled()
  await shell.apply()
  expect(reload).toHaveBeenCalledTimes(1)
})
