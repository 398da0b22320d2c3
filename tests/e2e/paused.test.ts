/** A pack whose fetching is paused in the built page: it stays so through a reload, and goes on from where it was when it is told to. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { drivePlaywright, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { startTinyHost } from './support'

/** The decoder's weights, of which a part comes before the pause. */
const weights = '/tiny/tiny-base/weights-0-89f6ee0a.bin'
const part = 20_000
/** For one step, in ms: each takes a second or two on an idle machine. */
const patience = 60_000

let host: PlainHost
let browser: OpenBrowser
let page: Page

beforeAll(async () => {
  host = await startTinyHost()
  browser = await openBrowser()
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

/** Bytes of unfinished files on disk. */
const kept = () =>
  page.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    const folder = await root.getDirectoryHandle('valley-partial').catch(() => null)
    let bytes = 0
    for await (const handle of folder?.values() ?? []) {
      bytes += (await (handle as FileSystemFileHandle).getFile()).size
    }
    return bytes
  })
const status = () => page.locator('.engine-status')
const button = (name: string) => page.getByRole('button', { name, exact: true })

test('paused, reloaded, still paused, and gone on with from there', async () => {
  host.stalled.set(weights, part)
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  await status().click()
  await button('Pause').waitFor()
  await expect.poll(kept, { timeout: patience }).toBe(part)
  await button('Pause').click()
  await expect.poll(() => status().textContent()).toContain('Paused')

  host.stalled.clear()
  const before = host.requests.length
  await page.reload()
  await expect.poll(() => status().textContent(), { timeout: patience }).toContain('Paused')
  // Usable meanwhile: what is asked waits.
  await page.locator('#question').fill('Is it there?')
  await page.keyboard.press('Enter')
  await page.locator('.turn[data-status=waiting]').waitFor()
  expect(await kept()).toBe(part)
  expect(host.requests.slice(before)).not.toContain(weights)

  await status().click()
  await button('Go on loading').click()
  expect(await waitForEngine(drivePlaywright(page))).not.toHaveProperty('error')
  expect(host.ranges.filter(({ path }) => path === weights)).toEqual([{ path: weights, from: part }])
  expect(await kept()).toBe(0)
})
