/** What befalls an app in real life: a page that is hidden or frozen, storage that is thrown away or full, files that go, clips of hours. */

import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { CDPSession, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, type Driven, drivePlaywright, openClip, waitFor, waitForEngine } from '../tools/drive'
import { longClip } from '../tools/long-clip'
import type { PlainHost } from '../tools/plain-host'
import { holdWrites, storedFrames, storedTurns, writeUntilFull } from '../tools/storage'
import { startTinyHost } from './support'

declare const valley: { loseDevice(): Promise<void> }

const shortClip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
const twoHours = 7200
/** For one step, in ms: each takes a second or two on an idle machine. */
const patience = 30_000
const folder = mkdtempSync(join(tmpdir(), 'valley-real-life-'))
const hours = join(folder, 'two-hours.webm')

vi.setConfig({ testTimeout: 90_000 })

let host: PlainHost
let browser: OpenBrowser
let page: Page
let driven: Driven
let cdp: CDPSession

beforeAll(async () => {
  writeFileSync(hours, await longClip(shortClip, twoHours, 1))
  host = await startTinyHost()
})
afterAll(async () => {
  await host?.stop()
  rmSync(folder, { recursive: true, force: true })
})
beforeEach(async () => {
  browser = await openBrowser()
  await newTab()
})
afterEach(() => browser?.close())

async function newTab(): Promise<void> {
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
  driven = drivePlaywright(page)
  cdp = await browser.context.newCDPSession(page)
}

/** Opens the page with the tiny pack, whose answers are random and quick, and waits for the engine. */
async function visit(more = ''): Promise<void> {
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json${more}`)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
}
/** By name what this app can leave: with `all`, Chromium at times (5 of some 40) answers neither this nor the page's storage any more. */
const kinds = 'cookies,local_storage,indexeddb,file_systems,cache_storage,service_workers'
const clearStorage = () => cdp.send('Storage.clearDataForOrigin', { origin: host.origin, storageTypes: kinds })
/** @param bytes  absent: what the browser grants by itself */
const grant = (bytes?: number) =>
  cdp.send('Storage.overrideQuotaForOrigin', {
    origin: host.origin,
    ...(bytes === undefined ? {} : { quotaSize: bytes }),
  })
const answered = async (question: string) =>
  expect(await askQuestion(driven, question, patience)).toMatchObject({ status: 'done', error: null })
const untilEncoding = () => page.locator('.clip-progress[data-status=encoding]').waitFor()

test('in a hidden tab, where no frame is ever painted, a clip is looked at and answered about', async () => {
  await page.addInitScript(() => {
    window.requestAnimationFrame = () => 0
    Object.defineProperty(document, 'hidden', { get: () => true })
  })
  await visit()
  await openClip(driven, shortClip, patience)
  await answered('What is it?')
})

test('a clip of two hours is seen from its beginning to its end', async () => {
  await visit()
  const { clip } = await openClip(driven, hours, patience)
  const times = clip?.timestamps ?? []
  expect(times.length).toBeGreaterThan(1)
  expect(times[0]).toBeLessThan(twoHours / times.length)
  expect(times.at(-1)).toBeGreaterThan(twoHours * (1 - 1 / times.length))
  await answered('How long is it?')
})

test('a device lost while a clip is looked at: the clip is looked at again', async () => {
  await visit('&cache=off&vision=webgpu')
  await driven.chooseFiles(hours)
  await untilEncoding()
  await page.evaluate(() => valley.loseDevice())
  const { clip, errors } = await waitFor(driven, (t) => t.clip !== null, patience)
  expect(clip?.backend).toBe('webgpu')
  expect(errors).toEqual([])
  await answered('What is left?')
})

test('storage thrown away while the app is open: what is on show is kept anew', async () => {
  await visit()
  await openClip(driven, shortClip, patience)
  await answered('What was said before?')
  await clearStorage()
  await answered('What was said after?')
  await expect.poll(() => storedTurns(page), { timeout: patience }).toBe(2)
  await page.reload()
  const { turns } = await waitFor(driven, (t) => t.turns.length > 0, patience)
  expect(turns.map(({ question }) => question)).toEqual(['What was said before?', 'What was said after?'])
})

test('storage thrown away between visits: it begins anew', async () => {
  await visit()
  await openClip(driven, shortClip, patience)
  await page.close()
  await newTab()
  await clearStorage()
  await visit()
  await page.locator('.welcome').waitFor()
  await openClip(driven, shortClip, patience)
  await answered('Is it there?')
})

test('a full disk: the pack works without being kept; words that find no room are said to, and are kept once there is some', async () => {
  await page.goto(`${host.origin}/manifest.webmanifest`)
  await grant(300_000)
  await visit()
  await openClip(driven, shortClip, patience)
  await answered('Is there room?')
  await grant(1)
  // The browser remembers for a while how much room there was.
  await expect.poll(() => writeUntilFull(page), { timeout: patience }).toBe('QuotaExceededError')
  await answered('Is there none?')
  const notice = page.getByText('the last words are not stored yet')
  await notice.waitFor()
  await grant()
  await answered('Is there again?')
  await notice.waitFor({ state: 'hidden' })
  await page.reload()
  const { turns } = await waitFor(driven, (t) => t.turns.length > 0, patience)
  expect(turns.map(({ question }) => question)).toEqual(['Is there room?', 'Is there none?', 'Is there again?'])
})

test('a file deleted after it was opened: its clip comes back from the copy that was kept', async () => {
  const path = join(folder, 'holiday.webm')
  copyFileSync(shortClip, path)
  await visit()
  await openClip(driven, path, patience)
  await answered('What is it?')
  await page.getByRole('button', { name: 'Close the clip' }).click()
  rmSync(path)
  await page.locator('.clip-tab', { hasText: 'holiday.webm' }).click()
  const { errors } = await waitFor(driven, ({ clip }) => clip !== null, patience)
  expect(errors).toEqual([])
  await answered('Is it still there?')
})

test('reloaded right after it was asked, a question is there, and so is the next one, which was only begun', async () => {
  await visit()
  await openClip(driven, shortClip, patience)
  const field = page.locator('#question')
  await field.fill('Is it still there?')
  await field.press('Enter')
  await page.locator('.turn').waitFor()
  await field.fill('And what ')
  await page.reload()
  const { turns } = await waitFor(driven, (t) => t.turns.length > 0, patience)
  expect(turns[0]?.question).toBe('Is it still there?')
  expect(await page.locator('#question').inputValue()).toBe('And what ')
})

test('a tab closed while nothing can be written: the question that began a conversation is there in another, and is answered', async () => {
  await visit()
  await holdWrites(page)
  await page.locator('#question').fill('Who will know?')
  await page.keyboard.press('Enter')
  await page.locator('.turn').waitFor()
  await page.close()
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
  driven = drivePlaywright(page)
  await visit()
  const { turns } = await waitFor(driven, (t) => t.turns.length > 0, patience)
  expect(turns).toMatchObject([{ question: 'Who will know?', status: 'waiting' }])
  await openClip(driven, shortClip, patience)
  const { turns: then } = await waitFor(driven, (t) => t.turns[0]?.status === 'done', patience)
  expect(then).toMatchObject([{ question: 'Who will know?', error: null }])
  expect(await page.evaluate(() => Object.keys(localStorage).filter((key) => key.startsWith('valley.asked')))).toEqual(
    [],
  )
})

test('on a reload nothing of a clip jumps when the box for moments comes', async () => {
  await visit()
  await openClip(driven, shortClip, patience)
  // Else it would be looked at anew.
  await expect.poll(() => storedFrames(page), { timeout: patience }).toBe(1)
  await page.addInitScript(() => {
    const jumped: string[] = []
    Object.assign(window, { jumped })
    type Shift = PerformanceEntry & {
      sources?: { node: Node | null; previousRect: DOMRectReadOnly; currentRect: DOMRectReadOnly }[]
    }
    const place = ({ x, y, width, height }: DOMRectReadOnly) => [x, y, width, height].map(Math.round).join(' ')
    new PerformanceObserver((list) => {
      for (const { startTime, sources } of list.getEntries() as Shift[]) {
        for (const { node, previousRect, currentRect } of sources ?? []) {
          const element = node instanceof Element ? node : node?.parentElement
          if (!element?.closest('.clip-below')) continue
          const moved = `${place(previousRect)} to ${place(currentRect)}`
          jumped.push(`${element.className} from ${moved} at ${Math.round(startTime)} ms: ${element.textContent}`)
        }
      }
    }).observe({ type: 'layout-shift', buffered: true })
  })
  await page.reload()
  await page.locator('.find').waitFor()
  await page.locator('.strip').waitFor()
  await page.locator('.clip-progress[data-status=ready]').waitFor()
  // Two painted frames on, what was laid out last is reported.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  expect(await page.evaluate(() => (window as unknown as { jumped: string[] }).jumped)).toEqual([])
})
