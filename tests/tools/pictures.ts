/**
 * Takes the README's pictures (docs/pictures): the shipped pack on our own sample clip, nothing made up.
 * `node --import tsx tests/tools/pictures.ts`; needs Chromium and ffmpeg.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { Settings } from '../../src/app/settings'
import { openBrowser, openPage, serveApp } from './app'
import { drivePlaywright, waitForEngine } from './drive'

const desktop = { width: 1200, height: 750 }
const phone = { width: 390, height: 844 }
const question = 'Is it indoors or outdoors?'
const phrase = 'a ball in front of a house'
const patience = { timeout: 120_000 }

const out = resolve(import.meta.dirname, '../../docs/pictures')
const folder = mkdtempSync(join(tmpdir(), 'valley-pictures-'))
mkdirSync(out, { recursive: true })
const app = await serveApp()
const browser = await openBrowser({ viewport: desktop })
try {
  const { page } = await openPage(browser.context, app.url)
  await look(page, { theme: 'light', language: 'zh-CN' })
  await picture(page, 'chinese')

  await look(page, { theme: 'light', language: 'en' })
  await page.locator('.sample').click()
  await page.locator('.clip-progress[data-status=ready]').waitFor(patience)
  await page.locator('#question').fill(question)
  await page.locator('#question').press('Enter')
  await page.locator('.evidence').waitFor(patience)
  await page.locator('.disclosure-button').last().click()
  await page.locator('.evidence-frame').last().hover()
  await picture(page, 'answer')

  await page.locator('.find-input').fill(phrase)
  await page.locator('.curve').waitFor(patience)
  // The closer look begins a moment later, and is to have ended.
  await page.waitForTimeout(2_000)
  await page.locator('.find-status[aria-live=off]').waitFor({ state: 'detached', ...patience })
  await page.locator('.find-input').press('ArrowDown')
  await picture(page, 'moments')

  await page.setViewportSize(phone)
  await look(page, { theme: 'dark', language: 'en' })
  await page.locator('.evidence').waitFor(patience)
  await picture(page, 'phone')
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

async function picture(page: Page, name: string): Promise<void> {
  // Until nothing moves any more.
  await page.waitForTimeout(1_000)
  const taken = join(folder, `${name}.png`)
  await page.screenshot({ path: taken })
  execFileSync('ffmpeg', ['-y', '-v', 'error', '-i', taken, '-quality', '82', join(out, `${name}.webp`)])
}
