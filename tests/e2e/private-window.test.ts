/**
 * Private windows: everything works within one, what the browser does not grant is said and done without, and nothing is
 * left after. Chromium's is a context off the record; Firefox's has neither service workers nor an origin-private file system.
 */
import { resolve } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import puppeteer from 'puppeteer-core'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { findFirefox } from '../tools/browsers'
import { chromiumArgs, chromiumEnv, findChromium } from '../tools/chromium'
import { askQuestion, drivePlaywright, drivePuppeteer, openClip, waitFor, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { keptClips, storedTurns } from '../tools/storage'
import { startTinyHost } from './support'

const clip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
const patience = 60_000
vi.setConfig({ testTimeout: 240_000 })

let host: PlainHost
let address: string
beforeAll(async () => {
  host = await startTinyHost()
  address = `${host.origin}/?pack=tiny/tiny-retrieval/pack.json`
})
afterAll(() => host?.stop())

test('Chromium: a clip is kept for as long as the window is open, and no longer', async () => {
  const executablePath = findChromium()
  if (!executablePath) throw new Error('No Chromium found: apt-get install -y chromium, or set CHROMIUM_PATH.')
  const browser: Browser = await chromium.launch({
    executablePath,
    args: [...chromiumArgs],
    env: chromiumEnv(executablePath),
  })
  try {
    const window = await browser.newContext()
    const page = await window.newPage()
    page.setDefaultTimeout(patience)
    const driven = drivePlaywright(page)
    await page.goto(address)
    expect(await waitForEngine(driven)).not.toHaveProperty('error')
    await openClip(driven, clip, patience)
    expect(await askQuestion(driven, 'What is it?', patience)).toMatchObject({ status: 'done', error: null })
    await expect.poll(() => keptClips(page), { timeout: patience }).toBe(1)
    await page.reload()
    // As it was stored it says that it was looked at; as it is opened anew, that it came from what is kept.
    const { turns } = await waitFor(driven, ({ clip }) => clip?.fromCache === true, patience)
    expect(turns).toHaveLength(1)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.locator('.kept').waitFor()
    await window.close()

    const next = await (await browser.newContext()).newPage()
    await next.goto(address)
    await next.locator('.welcome').waitFor()
    expect(await storedTurns(next)).toBe(0)
  } finally {
    await browser.close()
  }
})

test('Firefox: without a place for files a clip is answered about all the same, and looked at anew each time', async () => {
  const executablePath = findFirefox()
  if (!executablePath) throw new Error('Firefox is missing: apt-get install -y firefox-esr, or set FIREFOX_PATH.')
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath,
    headless: true,
    protocolTimeout: 240_000,
    extraPrefsFirefox: { 'browser.privatebrowsing.autostart': true },
  })
  try {
    const page = await browser.newPage()
    const warnings: string[] = []
    page.on('console', (message) => void (message.type() === 'warn' && warnings.push(message.text())))
    await page.goto(address)
    const driven = drivePuppeteer(page)
    // That the window is private at all: a page cannot ask, but it has no such files there.
    const files = await page.evaluate(async () =>
      navigator.storage.getDirectory().then(
        () => 'granted',
        () => 'refused',
      ),
    )
    expect(files).toBe('refused')
    const engine = await waitForEngine(driven)
    expect(engine).not.toHaveProperty('error')
    await openClip(driven, clip, patience)
    expect(await askQuestion(driven, 'What is it?', patience)).toMatchObject({ status: 'done', error: null })
    const again = await openClip(driven, clip, patience)
    expect(again.clip?.fromCache).toBe(false)
    expect(again.errors).toEqual([])
    expect(await askQuestion(driven, 'And now?', patience)).toMatchObject({ status: 'done', error: null })
    expect(warnings).toContainEqual(expect.stringContaining('valley-clips: cannot read, going on without it'))
    // Each cache that is refused says so; nothing else went wrong.
    expect(warnings.filter((warning) => !warning.includes('SecurityError'))).toEqual([])
  } finally {
    await browser.close()
  }
})
