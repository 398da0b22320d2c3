import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBase, openPack } from '../../workers/packs/source'
import { readTiny } from './language-tiny'

/** Serves the tiny fixtures; `broken` maps a path to what comes instead. */
const broken = new Map<string, Uint8Array | 'cut' | 'hang' | 'lose'>()
/** A connection of the `lose` kind: cut when its client has the bytes that it brings. */
let doomed: { until: number; cut(): void } | undefined
/** Value of each Range header that came, by path. */
const ranges = new Map<string, (string | undefined)[]>()
let server: Server
let root: string

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    const instead = broken.get(path)
    const { range } = request.headers
    ranges.set(path, [...(ranges.get(path) ?? []), range])
    if (instead === 'lose') {
      // 1000 bytes further each time, then the connection is gone; a request without a range starts from 0.
      const bytes = readTiny(path)
      const from = Number(range?.match(/\d+/)?.[0] ?? 0)
      response.writeHead(range ? 206 : 200, { 'Content-Length': bytes.length - from })
      doomed = undefined
      if (from >= 3000) return void response.end(bytes.subarray(from))
      doomed = { until: from + 1000, cut: () => response.destroy() }
      response.write(bytes.subarray(from, from + 1000))
      return
    }
    if (instead === 'hang') {
      response.writeHead(200)
      response.write('x')
      return
    }
    try {
      const bytes = instead instanceof Uint8Array ? instead : readTiny(path)
      response.end(instead === 'cut' ? bytes.subarray(0, 100) : bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

describe('pack source', () => {
  test('opens a pack, its base and a verified file, with progress that ends at the total', async () => {
    const pack = await openPack(`${root}tiny-mean/pack.json`)
    const base = await openBase(pack)
    expect(base.baseUrl).toBe(`${root}tiny-base/base.json`)
    const [entry] = base.manifest.files.weights
    if (!entry) throw new Error('no shard')
    const seen: number[] = []
    const bytes = await base.file(entry, { onProgress: (done) => seen.push(done) })
    expect(bytes).toEqual(readTiny(`tiny-base/${entry.path}`))
    expect(seen.at(-1)).toBe(entry.bytes)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  test('a missing manifest is download-failed with its status', async () => {
    const failure = openPack(`${root}nothing/pack.json`)
    await expect(failure).rejects.toMatchObject({ code: 'download-failed', data: { status: 404 } })
  })

  test('no answer at all is download-failed with status 0', async () => {
    const failure = openPack('http://127.0.0.1:1/pack.json')
    await expect(failure).rejects.toMatchObject({ code: 'download-failed', data: { status: 0 } })
  })

  test('a page instead of a manifest is pack-invalid', async () => {
    broken.set('html/pack.json', new TextEncoder().encode('<!doctype html>'))
    await expect(openPack(`${root}html/pack.json`)).rejects.toMatchObject({ code: 'pack-invalid' })
  })

  test('a manifest that lacks a field names it', async () => {
    broken.set('empty/pack.json', new TextEncoder().encode('{"formatVersion":1}'))
    const failure = await openPack(`${root}empty/pack.json`).catch((thrown) => thrown)
    expect(failure.code).toBe('pack-invalid')
    expect(failure.data.problems.join()).toContain('projector')
  })

  test.each<[string, (bytes: Uint8Array) => Uint8Array | 'cut']>([
    ['one flipped bit', (bytes) => bytes.with(1000, (bytes[1000] ?? 0) ^ 1)],
    ['one byte more', (bytes) => Uint8Array.from([...bytes, 0])],
    ['a file cut short', () => 'cut'],
  ])('%s is an integrity error', async (_, damage) => {
    const pack = await openPack(`${root}tiny-mean/pack.json`)
    const { file } = pack.manifest.projector
    const path = `tiny-mean/${file.path}`
    broken.set(path, damage(readTiny(path)))
    await expect(pack.file(file)).rejects.toMatchObject({ code: 'integrity', data: { url: root + path } })
    broken.delete(path)
    await expect(pack.file(file)).resolves.toHaveLength(file.bytes)
  })

  test('a connection that breaks is taken up where it was, three times', async () => {
    const pack = await openPack(`${root}tiny-mean/pack.json`)
    const { file } = pack.manifest.projector
    const path = `tiny-mean/${file.path}`
    broken.set(path, 'lose')
    ranges.delete(path)
    const onProgress = (done: number) => {
      if (done === doomed?.until) doomed.cut()
    }
    expect(await pack.file(file, { onProgress })).toEqual(readTiny(path))
    expect(ranges.get(path)).toEqual([undefined, 'bytes=1000-', 'bytes=2000-', 'bytes=3000-'])
    broken.delete(path)
  })

  test('an abort ends a download that stalls', async () => {
    const pack = await openPack(`${root}tiny-mean/pack.json`)
    const { file } = pack.manifest.tower
    broken.set(`tiny-mean/${file.path}`, 'hang')
    const controller = new AbortController()
    const running = pack.file(file, { signal: controller.signal, onProgress: () => controller.abort() })
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    broken.delete(`tiny-mean/${file.path}`)
  })
})
