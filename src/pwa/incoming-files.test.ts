import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { takeLaunchedFiles, takeSharedFiles } from './incoming-files'

afterEach(() => vi.unstubAllGlobals())

const readable = (name: string) => ({ getFile: async () => new File(['x'], name) })
const vanished = { getFile: () => Promise.reject(new DOMException('', 'NotFoundError')) }

/** A launch queue as the browser has it: the consumer is called once a launch. */
function stubQueue(): (files?: unknown[]) => Promise<void> {
  let consumer: ((launch: { files?: unknown[] }) => Promise<void>) | undefined
  vi.stubGlobal('launchQueue', {
    setConsumer: (given: typeof consumer) => {
      consumer = given
    },
  })
  return async (files) => consumer?.(files ? { files } : {})
}

test('files that the system opens with the app reach it, each launch on its own', async () => {
  const launch = stubQueue()
  const openFiles = vi.fn()
  takeLaunchedFiles(openFiles)
  await launch([readable('a.mp4'), readable('b.mp4')])
  await launch([readable('c.mp4')])
  expect(openFiles.mock.calls.map(([files]) => files.map((file: File) => file.name))).toEqual([
    ['a.mp4', 'b.mp4'],
    ['c.mp4'],
  ])
})

test('a launch without files opens nothing, and a file that is gone takes no other with it', async () => {
  const launch = stubQueue()
  const openFiles = vi.fn()
  takeLaunchedFiles(openFiles)
  await launch()
  await launch([vanished])
  expect(openFiles).not.toHaveBeenCalled()
  await launch([vanished, readable('here.mp4')])
  expect(openFiles.mock.calls[0]?.[0]).toHaveLength(1)
})

test('a browser without a launch queue is let be', () => {
  expect(() => takeLaunchedFiles(vi.fn())).not.toThrow()
})

describe('a share', () => {
  const replaceState = vi.fn()
  const page = (outcome: string) => new URL(`https://host.test/app/?frames=8&shared=${outcome}`)

  /** A cache that holds files by address, as the service worker leaves them. */
  function stubCache(files: Map<string, Response>) {
    vi.stubGlobal('caches', {
      open: async () => ({
        keys: async () => [...files.keys()],
        match: async (key: string) => files.get(key),
        delete: async (key: string) => files.delete(key),
      }),
    })
  }

  beforeEach(() => {
    replaceState.mockReset()
    vi.stubGlobal('history', { state: null, replaceState })
  })

  test('is taken once, with its names, and the address no longer speaks of it', async () => {
    const headers = { 'Content-Type': 'video/mp4', 'X-File-Name': encodeURIComponent('小狗 1.mp4') }
    const files = new Map([['a', new Response('x', { headers })]])
    stubCache(files)
    const openFiles = vi.fn()
    expect(await takeSharedFiles(page('files'), openFiles)).toBeNull()
    const [opened]: File[] = openFiles.mock.calls[0]?.[0] ?? []
    expect(opened).toMatchObject({ name: '小狗 1.mp4', type: 'video/mp4', size: 1 })
    expect(files.size).toBe(0)
    expect(String(replaceState.mock.calls[0]?.[2])).toBe('https://host.test/app/?frames=8')
  })

  test.each([
    ['nothing', 'nothing'],
    ['failed', 'failed'],
    // Kept, then evicted before the page came to it.
    ['files', 'failed'],
  ])('that says "%s" and leaves no file is told as %s', async (outcome, told) => {
    stubCache(new Map())
    const openFiles = vi.fn()
    expect(await takeSharedFiles(page(outcome), openFiles)).toBe(told)
    expect(openFiles).not.toHaveBeenCalled()
    expect(replaceState).toHaveBeenCalledOnce()
  })

  test('that cannot be read is told, not thrown', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    vi.stubGlobal('caches', { open: () => Promise.reject(new DOMException('', 'SecurityError')) })
    expect(await takeSharedFiles(page('files'), vi.fn())).toBe('failed')
  })

  test('is none where the address names none', async () => {
    expect(await takeSharedFiles(new URL('https://host.test/app/'), vi.fn())).toBeNull()
    expect(replaceState).not.toHaveBeenCalled()
  })
})
