/** Nothing leaves the origin: every request of a session is written down, and each worker tries to break out. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page, Worker } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildFolder, type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, drivePlaywright, openClip, waitFor, waitForEngine } from '../tools/drive'
import { type PlainHost, startPlainHost } from '../tools/plain-host'
import { type RecordingProxy, startRecordingProxy } from '../tools/recording-proxy'
import { startTinyHost } from './support'

/** No such host; the proxy would write down that somebody asked for it. */
const foreign = 'http://foreign.test'

declare const violations: string[]

let host: PlainHost
let proxy: RecordingProxy
let browser: OpenBrowser
let page: Page
const tower = '/assets/tower-lane.worker'
const towers = Math.min(2, availableParallelism())
/** What pages and workers asked for, as the browser's debugger tells it; the proxy's list is what really went out. */
const requested: string[] = []

beforeAll(async () => {
  host = await startTinyHost()
  proxy = await startRecordingProxy(new URL(host.origin).host)
  browser = await openBrowser({ proxy: proxy.server })
  browser.context.on('request', (request) => requested.push(request.url()))
  page = await browser.context.newPage()
  await page.addInitScript(() => {
    const seen: string[] = []
    Object.assign(globalThis, { violations: seen })
    addEventListener('securitypolicyviolation', (event) => {
      seen.push(`${event.effectiveDirective} ${event.blockedURI}`)
    })
  })
})
afterAll(async () => {
  await browser?.close()
  await proxy?.close()
  await host?.stop()
})

/** Chromium asks its maker about forms, accounts and updates whatever page is open; a page without a policy shows the same. */
const browsersOwn = /^[\w.-]+\.(google|googleapis|gstatic|gvt1)\.com:443$/
const foreignRequests = () => [
  ...proxy.asked.filter((asked) => !asked.startsWith(`${host.origin}/`) && !browsersOwn.test(asked)),
  ...requested.filter((url) => !url.startsWith(`${host.origin}/`) && !url.startsWith('blob:')),
]

test('the record sees what a page without a policy asks for', async () => {
  const unguarded = await browser.context.newPage()
  await unguarded.goto(`${foreign}/control`).catch(() => {})
  await unguarded.close()
  expect(proxy.asked.splice(0)).toContain(`${foreign}/control`)
  expect(requested.splice(0)).toContain(`${foreign}/control`)
})

test('a full session asks for nothing but the page itself, and breaks its policy nowhere', async () => {
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  // The tower's second worker is opened while nobody wants the processor, and not once a clip is there.
  await expect
    .poll(
      () =>
        talkative()
          .map(nameOf)
          .filter((name) => name === tower).length,
    )
    .toBe(towers)
  await page.locator('.sample').click()
  await waitFor(driven, ({ clip }) => clip !== null, 120_000)
  expect(await askQuestion(driven, 'What is happening?')).toMatchObject({ status: 'done' })
  await page.getByRole('button', { name: 'Settings', exact: true }).click()
  await page.getByRole('dialog').waitFor()
  // What the dialog does to the page behind it is a style sheet that the policy must let through.
  await expect.poll(() => page.evaluate(() => getComputedStyle(document.body).overflow)).toBe('hidden')
  await page.keyboard.press('Escape')
  expect(await askQuestion(driven, 'What else?')).toMatchObject({ status: 'done' })
  expect(proxy.asked.length).toBeGreaterThan(10)
  expect(foreignRequests()).toEqual([])
  expect(await page.evaluate(() => violations)).toEqual([])
})

/** Asks elsewhere from inside a worker. */
const tryToReach = (worker: Worker, url: string) =>
  worker.evaluate(
    (target) =>
      fetch(target, { mode: 'no-cors' }).then(
        () => 'sent',
        () => 'refused',
      ),
    url,
  )

/** A thread of onnxruntime sleeps until it is given work and cannot be talked to; its script is under the same header. */
const talkative = () =>
  [...page.workers(), ...browser.context.serviceWorkers()].filter((worker) => !/ort-/.test(worker.url()))
const nameOf = (worker: Worker) => new URL(worker.url()).pathname.replace(/-[\w-]{8}\.js$/, '')
/** Workers come and go when they please: what is expected of them is waited for. */
const untilWorkersAre = (...names: string[]) => expect.poll(() => talkative().map(nameOf).sort()).toEqual(names)

test('each worker that tries to ask elsewhere is refused', async () => {
  const always = [
    '/assets/language.worker',
    ...new Array<string>(towers).fill(tower),
    '/assets/vision.worker',
    '/service-worker.js',
  ] as const
  // The packs worker lives while the settings are open: the one of the test before ends first.
  await untilWorkersAre(...always)
  await page.getByRole('button', { name: 'Settings', exact: true }).click()
  const [language, ...others] = always
  await untilWorkersAre(language, '/assets/packs.worker', ...others)
  for (const worker of talkative()) expect(await tryToReach(worker, `${foreign}/worker`), worker.url()).toBe('refused')
  expect(proxy.asked.filter((asked) => asked.startsWith(foreign))).toEqual([])
  await page.keyboard.press('Escape')
  await untilWorkersAre(...always)
})

test('neither can the page: no fetch, picture, frame, script or form leaves it', async () => {
  await page.evaluate(async (url) => {
    await fetch(`${url}/fetch`, { mode: 'no-cors' }).catch(() => {})
    navigator.sendBeacon(`${url}/beacon`, 'x')
    for (const tag of ['img', 'iframe', 'script', 'video', 'embed'] as const) {
      const element = document.createElement(tag)
      element.src = `${url}/${tag}`
      document.body.append(element)
    }
    const style = document.createElement('div')
    style.style.backgroundImage = `url(${url}/style)`
    document.body.append(style)
  }, foreign)
  const blocked = async () => (await page.evaluate(() => violations)).map((violation) => violation.split(' ')[0])
  const directives = ['connect-src', 'frame-src', 'img-src', 'media-src', 'object-src', 'script-src-elem']
  await expect.poll(blocked).toEqual(expect.arrayContaining(directives))
  expect(proxy.asked.filter((asked) => asked.startsWith(foreign))).toEqual([])
})

test('the policy lets the graphics card be used: onnxruntime needs no eval there', async () => {
  const fresh = await openBrowser({ proxy: proxy.server })
  try {
    const other = await fresh.context.newPage()
    await other.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json&vision=webgpu&language=webgpu`)
    const driven = drivePlaywright(other)
    expect(await waitForEngine(driven)).toMatchObject({
      vision: { backend: 'webgpu' },
      language: { backend: 'webgpu' },
    })
    await openClip(driven, join(import.meta.dirname, '../fixtures/clips/vp9.webm'))
    expect(await askQuestion(driven, 'What is happening?')).toMatchObject({ status: 'done', error: null })
  } finally {
    await fresh.close()
  }
})

test('where neither host nor service worker sends a policy, the page keeps the one it carries', async () => {
  const plain = await startPlainHost({ folders: { '/': buildFolder } })
  const record = await startRecordingProxy(new URL(plain.origin).host)
  const profile = mkdtempSync(join(tmpdir(), 'valley-profile-'))
  // In a profile that is kept, service workers are blocked.
  const fresh = await openBrowser({ proxy: record.server, profile })
  try {
    const other = await fresh.context.newPage()
    const response = await other.goto(`${plain.origin}/`)
    expect(response?.headers()).not.toHaveProperty('content-security-policy')
    await other.locator('.welcome').waitFor()
    const outcome = await other.evaluate(
      (url) =>
        new Promise<string>((resolve) => {
          addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective))
          fetch(`${url}/carried`, { mode: 'no-cors' }).then(
            () => resolve('sent'),
            () => {},
          )
        }),
      foreign,
    )
    expect(outcome).toBe('connect-src')
    expect(record.asked.filter((asked) => asked.startsWith(foreign))).toEqual([])
  } finally {
    await fresh.close()
    await record.close()
    await plain.stop()
    rmSync(profile, { recursive: true, force: true })
  }
})
