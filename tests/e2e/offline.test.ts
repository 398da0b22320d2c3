/** The build as it lies on a project page: under a path, on a host that sends no header of its own, and then gone. */
import { resolve } from 'node:path'
import type { Page, Response } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { contentSecurityPolicy } from '../../workers/offline/security-headers'
import { buildFolder, ensureBuild, type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, drivePlaywright, openClip, waitFor, waitForEngine } from '../tools/drive'
import { type PlainHost, publishNextVersion, startPlainHost } from '../tools/plain-host'

const path = '/some/path/'
const ownClip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
// Random and small: what is at stake is where its bytes come from.
const query = '?pack=tiny/tiny-retrieval/pack.json'

let host: PlainHost
let browser: OpenBrowser
let page: Page
const documents: Response[] = []
const pageErrors: string[] = []

beforeAll(async () => {
  ensureBuild()
  const tiny = resolve(import.meta.dirname, '../fixtures/tiny')
  // Many hosts send it with everything. Page, worker and pthread ask for the same file with and without an Origin.
  const headers = { Vary: 'Origin' }
  host = await startPlainHost({ folders: { [path]: buildFolder, [`${path}tiny/`]: tiny }, headers })
  browser = await openBrowser()
  page = await browser.context.newPage()
  page.on('pageerror', (error) => pageErrors.push(String(error)))
  page.on('response', (response) => {
    if (response.request().isNavigationRequest()) documents.push(response)
  })
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

/** Opens the page; on a first visit it reloads itself once, which a driver must not talk into. */
async function visit(): Promise<void> {
  await page.goto(`${host.origin}${path}${query}`)
  await untilServed()
}

/** Resolves when the service worker serves the page, its headers are in force, and the page has begun to run. */
async function untilServed(): Promise<void> {
  const served = () =>
    page
      .evaluate(() => crossOriginIsolated && navigator.serviceWorker.controller !== null && 'valley' in globalThis)
      .catch(() => false)
  await expect.poll(served, { timeout: 60_000 }).toBe(true)
}

test('the first visit reloads once and is isolated then, with the policy on page and workers', async () => {
  await visit()
  expect(documents).toHaveLength(2)
  expect(await documents[0]?.headerValue('cross-origin-opener-policy')).toBeNull()
  expect(await documents[1]?.headerValue('content-security-policy')).toBe(contentSecurityPolicy)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  await page.locator('.sample').click()
  await waitFor(driven, ({ clip }) => clip !== null, 120_000)
  expect(await askQuestion(driven, 'What is happening?')).toMatchObject({ status: 'done', error: null })
  const policies = await page.evaluate(async () => {
    const scripts = performance.getEntriesByType('resource').filter(({ name }) => /worker-[^/]*\.js$/.test(name))
    return Promise.all(scripts.map(async ({ name }) => (await fetch(name)).headers.get('content-security-policy')))
  })
  expect(policies.length).toBeGreaterThanOrEqual(2)
  expect(new Set(policies)).toEqual(new Set([contentSecurityPolicy]))
  expect(host.requests.filter((asked) => !asked.startsWith(path))).toEqual([])
})

test('it can be installed', async () => {
  const session = await browser.context.newCDPSession(page)
  const manifest = await session.send('Page.getAppManifest')
  expect(manifest.errors).toEqual([])
  expect(manifest.url).toBe(`${host.origin}${path}manifest.webmanifest`)
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
  // A throw-away profile counts as a private window; nothing else may stand in the way.
  expect(installabilityErrors.map(({ errorId }) => errorId).filter((id) => id !== 'in-incognito')).toEqual([])
  await session.detach()
})

test('pack files are kept once: by the workers, not by the service worker too', async () => {
  const look = () =>
    page.evaluate(async () => {
      const urls: Record<string, string[]> = {}
      for (const name of await caches.keys()) {
        const cache = await caches.open(name)
        urls[name] = (await cache.keys()).map(({ url }) => new URL(url).pathname)
      }
      return urls
    })
  // What was fetched is kept behind the back of what was done with it.
  const builds = async () => (await look())['valley-runtime']?.filter((url) => url.endsWith('.wasm'))
  // Of the builds of onnxruntime only those that ran here.
  await expect.poll(builds).toHaveLength(1)
  const kept = await look()
  const byServiceWorker = Object.entries(kept).filter(([name]) => name !== 'valley-files-v1')
  expect(byServiceWorker.flatMap(([, urls]) => urls).filter((url) => /\.(bin|onnx)$/.test(url))).toEqual([])
  expect(kept['valley-files-v1']?.length).toBeGreaterThan(0)
})

test('what another app shares is opened', async () => {
  const landed = await page.evaluate(async (target) => {
    const clip = await (await fetch('samples/rolling-ball.webm')).blob()
    const form = new FormData()
    form.append('files', new File([clip], 'shared ball.webm', { type: 'video/webm' }))
    return (await fetch(target, { method: 'POST', body: form })).url
  }, `${path}share-target`)
  expect(landed).toBe(`${host.origin}${path}?shared=files`)
  await page.goto(`${host.origin}${path}${query}&shared=files`)
  const driven = drivePlaywright(page)
  // The clip of the visit before comes back as well.
  await waitFor(driven, ({ clip, title }) => clip !== null && title.includes('shared ball.webm'), 120_000)
  await expect.poll(() => page.url()).not.toContain('shared=')
  expect(await askQuestion(driven, 'What was shared?')).toMatchObject({ status: 'done' })
})

test('a new version is announced, waits for the answer of another tab, and comes when it is agreed to', async () => {
  const other = await browser.context.newPage()
  await other.goto(`${host.origin}${path}manifest.webmanifest`)
  await other.evaluate(
    () =>
      new Promise<void>((held) => {
        void navigator.locks.request('valley-answering', { mode: 'shared' }, () => new Promise(() => held()))
      }),
  )
  publishNextVersion(host, buildFolder, path)
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update())
  const notice = page.locator('[data-update]')
  await notice.getByRole('button', { name: 'Update' }).click()
  await page.locator('[data-update=agreed]').waitFor()
  // It stands in line for the lock of those that answer.
  const waiting = () =>
    other.evaluate(async () => (await navigator.locks.query()).pending?.some(({ name }) => name === 'valley-answering'))
  await expect.poll(waiting).toBe(true)
  expect(await page.locator('meta[name=version]').count()).toBe(0)
  await other.close()
  await page.locator('meta[name=version]').waitFor({ state: 'attached', timeout: 30_000 })
  await untilServed()
  expect(await notice.count()).toBe(0)
})

test('with the server gone it opens, looks at a clip and answers', async () => {
  await host.stop()
  await expect(fetch(`${host.origin}${path}`)).rejects.toThrow()
  await visit()
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  // What was said before is there, and so is the clip that the app brings along.
  const { turns } = await waitFor(driven, (t) => t.turns.length > 0, 60_000)
  expect(turns.at(-1)).toMatchObject({ question: 'What was shared?', status: 'done' })
  expect(await page.evaluate(async () => (await fetch('samples/rolling-ball.webm')).status)).toBe(200)
  await openClip(driven, ownClip)
  expect(await askQuestion(driven, 'What else is there?')).toMatchObject({ status: 'done', error: null })
  expect(pageErrors).toEqual([])
})
