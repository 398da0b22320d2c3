import { afterEach, expect, test, vi } from 'vitest'
import { takeLaunchedFiles } from './incoming-files'

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
