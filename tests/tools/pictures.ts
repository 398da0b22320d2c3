/**
 * Takes the README's pictures (docs/pictures): the shipped pack on our own sample clip, nothing made up.
 * `node --import tsx tests/tools/pictures.ts`; needs Chromium and ffmpeg.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import type { Settings } from '../../src/app/settings'
import { openBrowser, openPage, serveApp } from './app'
import { drivePlaywright, waitForEngine } from './drive'

const desktop = { width: 1200, height: 750 }
const phone = { width: 390, height: 844 }
/** The first that the pack answers rightly and without a mark of doubt is shown; the last one if there is none. */
const questions: readonly (readonly [string, RegExp])[] = [
  ['What kind of video is this?', /cartoon|animat|drawing/i],
  ['Is it a cartoon or a real film?', /cartoon/i],
  ['Is it a drawing?', /yes|drawing|cartoon/i],
  ['Is it indoors or outdoors?', /outdoors/i],
  ['Is there a house in the video?', /^yes.*house/i],
  ['Is there a ball in the video?', /^yes.*ball/i],
  ['Can you see any trees?', /^yes.*tree/i],
]
/** The first of which a moment fits better than chance is shown; the last one if there is none. */
const phrases = [
  'a cartoon house',
  'a house with a red roof',
  'a house and trees',
  'a ball',
  'a ball in front of a house',
]
const margin = 12
const patience = { timeout: 240_000 }

const out = resolve(import.meta.dirname, '../../docs/pictures')
const folder = mkdtempSync(join(tmpdir(), 'valley-pictures-'))
mkdirSync(out, { recursive: true })
const app = await serveApp()
const browser = await openBrowser({ viewport: desktop })
try {
  const { page } = await openPage(browser.context, app.url)
  await look(page, { theme: 'light', language: 'en' })
  await page.locator('.sample').click()
  await page.locator('.clip-progress[data-status=ready]').waitFor(patience)
  for (const [question, right] of questions) {
    if ((await page.locator('.turn').count()) > 0) await startOver(page)
    await page.locator('#question').fill(question)
    await page.locator('#question').press('Enter')
    await page.locator('.turn[data-status=done]').waitFor(patience)
    // An answer that names nothing has no frames.
    const frames = page.locator('.evidence').waitFor({ timeout: 20_000 })
    const shown = await frames.then(
      () => true,
      () => false,
    )
    const answer = (await page.locator('.answer-text').textContent()) ?? ''
    const unsure = (await page.locator('.turn-unsure').count()) > 0
    console.log(question, answer, unsure ? '(not sure)' : '')
    if (right.test(answer) && shown && !unsure) break
  }
  await page.locator('.evidence-frame').last().hover()
  await picture(page, 'answer')

  await page.mouse.move(0, 0)
  const closer = page.locator('.find-status[aria-live=off]')
  for (const phrase of phrases) {
    await page.locator('.find-input').fill(phrase)
    await page.locator('.curve').waitFor(patience)
    // The closer look begins a moment later, and is to have ended.
    await closer.waitFor({ timeout: 10_000 }).catch(() => {})
    await closer.waitFor({ state: 'detached', ...patience })
    console.log(phrase, await page.locator('.find-status').first().textContent())
    if ((await page.locator('.curve-time:not([data-weak])').count()) > 0) break
  }
  await page.locator('.find-input').press('Enter')
  await picture(page, 'moments', page.locator('.clip-panel'))

  await page.setViewportSize(phone)
  await look(page, { theme: 'dark', language: 'en' })
  await page.locator('.evidence').waitFor(patience)
  await picture(page, 'phone')

  await page.setViewportSize(desktop)
  await look(page, { theme: 'dark', language: 'zh-CN' })
  await page.locator('.clip-progress[data-status=ready]').waitFor(patience)
  await page.locator('.find-parts').click()
  await page.locator('.turn[data-status=done] .segments-answer').waitFor(patience)
  await picture(page, 'chinese')
} finally {
  await browser.close()
  await app.close()
  rmSync(folder, { recursive: true })
}

/** Loads the page again with these settings; its conversation comes back. */
async function look(page: Page, settings: Partial<Settings>): Promise<void> {
  await page.evaluate((stored) => localStorage.setItem('valley.settings', stored), JSON.stringify(settings))
  await page.reload()
  await waitForEngine(drivePlaywright(page))
}

async function startOver(page: Page): Promise<void> {
  await page.locator('.chat-start-over').click()
  await page.getByRole('alertdialog').locator('[data-look=primary]').click()
  await page.locator('.turn').waitFor({ state: 'detached' })
}

/** @param part  of the page, with a margin round it; all of what is in view where absent */
async function picture(page: Page, name: string, part?: Locator): Promise<void> {
  // Until nothing moves any more.
  await page.waitForTimeout(1_000)
  const taken = join(folder, `${name}.png`)
  const box = await part?.boundingBox()
  const clip = box && {
    x: box.x - margin,
    y: box.y - margin,
    width: box.width + 2 * margin,
    height: box.height + 2 * margin,
  }
  await page.screenshot({ path: taken, ...(clip ? { clip } : {}) })
  execFileSync('ffmpeg', ['-y', '-v', 'error', '-i', taken, '-quality', '82', join(out, `${name}.webp`)])
}
