/** The installed app as the system's file manager sees it: files opened with it become clips. Over the DevTools protocol, which installs and opens as a person would. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, drivePlaywright, waitFor, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { startTinyHost } from './support'

const clips = resolve(import.meta.dirname, '../fixtures/clips')
/** For one step, in ms: each takes a second or two on an idle machine. */
const patience = 60_000

let host: PlainHost
let browser: OpenBrowser
let page: Page
let cdp: CDPSession
let manifestId = ''
/** An installed app tells the system which files it opens: not that of the person who runs the tests. */
const home = mkdtempSync(join(tmpdir(), 'valley-home-'))

beforeAll(async () => {
  host = await startTinyHost()
  const folders = { XDG_DATA_HOME: join(home, 'data'), XDG_CONFIG_HOME: join(home, 'config') }
  browser = await openBrowser({ env: { HOME: home, ...folders } })
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
  cdp = await browser.context.newCDPSession(page)
})
afterAll(async () => {
  await cdp?.send('PWA.uninstall', { manifestId }).catch(() => {})
  await browser?.close()
  await host?.stop()
  rmSync(home, { recursive: true, force: true })
})

// Elsewhere the browser puts what it installs among the person's own programs.
const onLinux = test.skipIf(process.platform !== 'linux')

onLinux('installed, it tells the system which files it opens', async () => {
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  expect(await waitForEngine(drivePlaywright(page))).not.toHaveProperty('error')
  manifestId = (await cdp.send('Page.getAppId')).appId ?? ''
  await cdp.send('PWA.install', { manifestId, installUrlOrBundleUrl: page.url() })
  const { fileHandlers } = await cdp.send('PWA.getOsAppState', { manifestId })
  const opened = fileHandlers.flatMap(({ accepts }) => accepts.map(({ mediaType }) => mediaType))
  expect(opened).toEqual(expect.arrayContaining(['video/mp4', 'video/webm', 'image/jpeg', 'image/png']))
})

onLinux('files opened with it become clips of what is on show, and nothing begun is lost', async () => {
  const driven = drivePlaywright(page)
  await page.locator('#question').fill('Half a thou')
  const files = ['vp9.webm', 'still.jpg'].map((name) => join(clips, name))
  await cdp.send('PWA.launchFilesInApp', { manifestId, files })
  await page.locator('.clip-tab').nth(1).waitFor()
  const names = await page.locator('.clip-tab').allInnerTexts()
  expect(names.map((name) => name.trim()).sort()).toEqual(['still.jpg', 'vp9.webm'])
  await waitFor(driven, ({ clip }) => clip !== null, patience)
  expect(await page.locator('#question').inputValue()).toBe('Half a thou')
  expect(await askQuestion(driven, 'What is it?', patience)).toMatchObject({ status: 'done', error: null })
})
