/** A phone that is locked hides the page and freezes it with its workers. Chromium does both to a tab behind another one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import puppeteer, { type Browser, type CDPSession, type Page } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chromiumArgs, chromiumEnv, findChromium } from '../tools/chromium'
import { type Driven, drivePuppeteer, readTranscript, waitFor, waitForEngine } from '../tools/drive'
import { longClip } from '../tools/long-clip'
import type { PlainHost } from '../tools/plain-host'
import { startTinyHost } from './support'

declare const lived: { ticks: number; readonly heard: string[] }

const patience = 60_000
const folder = mkdtempSync(join(tmpdir(), 'valley-frozen-'))
const clip = join(folder, 'two-hours.webm')

let host: PlainHost
// Not Playwright, which tells every page that it is in front: such a page is never frozen.
let browser: Browser
let page: Page
let driven: Driven
let cdp: CDPSession
let front: Page

beforeAll(async () => {
  writeFileSync(clip, await longClip(resolve(import.meta.dirname, '../fixtures/clips/vp9.webm'), 7200, 1))
  host = await startTinyHost()
  const executablePath = findChromium()
  if (!executablePath) throw new Error('Chromium is missing: apt-get install -y chromium, or set CHROMIUM_PATH.')
  browser = await puppeteer.launch({ executablePath, args: chromiumArgs, env: chromiumEnv(executablePath) })
  page = await browser.newPage()
  await page.evaluateOnNewDocument(() => {
    const life = { ticks: 0, heard: [] as string[] }
    Object.assign(globalThis, { lived: life })
    setInterval(() => life.ticks++, 10)
    for (const type of ['freeze', 'resume']) document.addEventListener(type, () => life.heard.push(type))
  })
  driven = drivePuppeteer(page)
  cdp = await page.createCDPSession()
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json&cache=off`)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  front = await browser.newPage()
  await front.bringToFront()
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Freezes the page for a hundred timers of the tab in front, in which it stands still, and gives what it was at. */
async function freeze() {
  await cdp.send('Page.setWebLifecycleState', { state: 'frozen' })
  await expect.poll(() => page.evaluate(() => lived.heard.at(-1)), { timeout: patience }).toBe('freeze')
  const ticks = () => page.evaluate(() => lived.ticks)
  const before = await ticks()
  const at = await page.evaluate(() => document.querySelector<HTMLElement>('.clip-progress')?.dataset.status)
  const { turns } = await readTranscript(driven)
  await front.evaluate(async () => {
    for (let timer = 0; timer < 100; timer++) await new Promise((fired) => setTimeout(fired, 10))
  })
  expect(await ticks()).toBe(before)
  await cdp.send('Page.setWebLifecycleState', { state: 'active' })
  return { clip: at, turn: turns.at(-1)?.status }
}

test('frozen while a clip is looked at and while it is answered about, the page goes on where it was', async () => {
  expect(await page.evaluate(() => document.visibilityState)).toBe('hidden')
  await driven.chooseFiles(clip)
  const looking = ['planning', 'encoding']
  const shown = looking.map((status) => `.clip-progress[data-status=${status}]`).join()
  await page.waitForSelector(shown, { timeout: patience })
  expect(looking).toContain((await freeze()).clip)
  await freeze()
  const { clip: seen, errors } = await waitFor(driven, (now) => now.clip !== null, patience)
  expect(errors).toEqual([])
  expect(seen?.timestamps).toHaveLength(8)

  await driven.submit('What is it?')
  await waitFor(driven, ({ turns }) => turns.length > 0, patience)
  await freeze()
  const { turns } = await waitFor(driven, (now) => now.turns.at(-1)?.status === 'done', patience)
  expect(turns).toMatchObject([{ question: 'What is it?', error: null }])

  await page.bringToFront()
  expect(await page.evaluate(() => document.visibilityState)).toBe('visible')
  expect(await page.evaluate(() => lived.heard)).toEqual(['freeze', 'resume', 'freeze', 'resume', 'freeze', 'resume'])
}, 180_000)
