/** Only the worker that fetches packs can reach a hub, only the one that it was started for, and nothing beside it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page, Worker } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { securityHeaders } from '../../workers/offline/security-headers'
import { buildFolder, ensureBuild, type OpenBrowser, openBrowser } from '../tools/app'
import { noiseRepository } from '../tools/hub-fixture'
import { type HubServer, startHubServer } from '../tools/hub-server'
import { type PlainHost, startPlainHost } from '../tools/plain-host'

let hub: HubServer
beforeAll(async () => {
  ensureBuild()
  hub = await startHubServer({ 'a/b': noiseRepository })
})
afterAll(() => hub?.stop())

const api = () => `${hub.origin}/api/models/a/b/revision/main?blobs=true`

/** The status, or that the browser did not let it out. */
const ask = (where: Page | Worker, url: string) =>
  (where as Page).evaluate(
    (target) =>
      fetch(target).then(
        ({ status }) => status,
        () => 'refused',
      ),
    url,
  )

describe.each([
  ['a host that sends our headers', securityHeaders],
  ['a host that sends none', {}],
])('%s', (_, headers) => {
  let host: PlainHost
  let browser: OpenBrowser
  let page: Page
  let script: string

  beforeAll(async () => {
    host = await startPlainHost({ folders: { '/': buildFolder }, headers })
    browser = await openBrowser()
    page = await browser.context.newPage()
    await page.goto(`${host.origin}/`)
    // Without our headers the page loads once more, through the service worker.
    const settled = () => navigator.serviceWorker.controller !== null && crossOriginIsolated
    const patience = { timeout: 60_000, interval: 200 }
    await vi.waitFor(async () => expect(await page.evaluate(settled).catch(() => false)).toBe(true), patience)
    script = readdirSync(join(buildFolder, 'assets')).find((name) => /^packs\.worker-.*\.js$/.test(name)) ?? ''
    expect(script).not.toBe('')
  })
  afterAll(async () => {
    await browser?.close()
    await host?.stop()
  })

  async function startWorker(hubOrigin: string | null): Promise<Worker> {
    const query = hubOrigin === null ? '' : `?hub=${encodeURIComponent(hubOrigin)}`
    const url = `${host.origin}/assets/${script}${query}`
    const [worker] = await Promise.all([
      page.waitForEvent('worker', (started) => started.url() === url),
      page.evaluate((address) => void new Worker(address, { type: 'module' }), url),
    ])
    return worker
  }

  test('started for a hub, it reaches that hub and no other origin', async () => {
    const worker = await startWorker(hub.origin)
    expect(await ask(worker, api())).toBe(200)
    expect(await ask(worker, `${hub.filesOrigin}/a/b`)).toBe('refused')
    expect(await ask(worker, `${host.origin}/index.html`)).toBe(200)
  })

  test('not started for one, it reaches none; neither does the page', async () => {
    const asked = hub.requests.length
    expect(await ask(await startWorker(null), api())).toBe('refused')
    expect(await ask(page, api())).toBe('refused')
    expect(hub.requests).toHaveLength(asked)
  })

  test.each(['https://*.example.org', 'https://example.org; connect-src *'])('%s opens nothing', async (origin) => {
    expect(await ask(await startWorker(origin), api())).toBe('refused')
  })
})
