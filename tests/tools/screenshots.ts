/**
 * Screens to look at: drives the app in Chromium through what a person does and writes PNGs to tests/.artifacts.
 * `node --import tsx tests/tools/screenshots.ts URL [scene…]`, with URL a running dev or preview server.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { chromiumArgs, chromiumEnv, findChromium } from './chromium'

const looks = {
  desktop: { width: 1280, height: 800, theme: 'light', language: 'en' },
  'desktop-dark': { width: 1280, height: 800, theme: 'dark', language: 'en' },
  'desktop-zh': { width: 1280, height: 800, theme: 'light', language: 'zh-CN' },
  phone: { width: 390, height: 844, theme: 'light', language: 'en' },
  'phone-dark-zh': { width: 390, height: 844, theme: 'dark', language: 'zh-CN' },
} as const

type Look = (typeof looks)[keyof typeof looks]
type Shot = (name: string) => Promise<void>

const out = resolve(import.meta.dirname, '../.artifacts')
const [url, ...wanted] = process.argv.slice(2)
if (!url) throw new Error('usage: screenshots.ts URL [look…]')
const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium found; set CHROMIUM_PATH')

mkdirSync(out, { recursive: true })
for (const [name, look] of Object.entries(looks)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  // A profile each: conversations stay in one, and the next look would not begin with a first visit.
  const profile = mkdtempSync(join(tmpdir(), 'valley-profile-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: chromiumArgs,
    env: chromiumEnv(executablePath),
    viewport: null,
  })
  try {
    const page = await context.newPage()
    page.on('console', (message) => console.log(name, message.type(), message.text()))
    page.on('pageerror', (error) => console.log(name, 'page error', error.stack))
    await page.setViewportSize({ width: look.width, height: look.height })
    await walk(page, look, async (scene) => {
      await page.screenshot({ path: join(out, `${name}-${scene}.png`) })
      console.log(`${name}-${scene}.png`)
    })
  } finally {
    await context.close()
    rmSync(profile, { recursive: true, force: true })
  }
}

/** What a person does, with a picture of each state. */
async function walk(page: Page, look: Look, shot: Shot): Promise<void> {
  const settings = { theme: look.theme, language: look.language }
  await page.addInitScript(`localStorage.setItem('valley.settings', ${JSON.stringify(JSON.stringify(settings))})`)
  await page.goto(url ?? '')
  await page.locator('.welcome').waitFor()
  await page.waitForTimeout(400)
  await shot('1-welcome')

  await drag(page, 'dragenter')
  await page.locator('.drop-overlay').waitFor()
  await shot('2-drag')
  await drag(page, 'dragleave')

  await page.locator('.welcome input[type=file]').setInputFiles({
    name: 'notes.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('These are words, not pictures.'),
  })
  await page.locator('.notice[data-kind=error]').waitFor({ timeout: 120_000 })
  await shot('3-error')
  await page.locator('.notice button').last().click()

  await page.locator('.sample').click()
  await page.locator('.suggestions').waitFor()
  await shot('4-opened')
  await page.locator('#question').fill('What is happening?')
  await page.locator('#question').press('Enter')
  await page.locator('.strip-picture img').nth(2).waitFor({ timeout: 120_000 })
  await shot('5-encoding')
  await page.locator('.turn[data-status=reading] .turn-progress').waitFor({ timeout: 120_000 })
  await shot('6-reading')
  // As a function: a string would be an eval, which the page's policy refuses.
  await page.waitForFunction(
    () => (document.querySelector('.answer-text[data-live=true]')?.textContent?.length ?? 0) > 12,
    null,
    { timeout: 120_000 },
  )
  await shot('7-streaming')
  await page.locator('.turn[data-status=done]').waitFor({ timeout: 120_000 })
  await page.locator('.disclosure-button').last().click()
  await shot('8-answered')
  await page.locator('.find-input').fill('a dog runs')
  await page.locator('.curve').waitFor({ timeout: 120_000 })
  await page.locator('.find-input').press('ArrowDown')
  await shot('11-found')
  await page.locator('.find-input').fill('')
  await page.locator('.find-parts').click()
  await page.locator('.turn[data-status=done]').nth(1).waitFor({ timeout: 120_000 })
  await shot('12-parts')

  await page.locator('.header button').last().click()
  await page.locator('.settings').waitFor()
  await page.waitForTimeout(200)
  await shot('9-settings')
  await page.keyboard.press('Escape')
  await page.locator('.engine-status').click()
  await page.waitForTimeout(200)
  await shot('10-model')
}

async function drag(page: Page, type: 'dragenter' | 'dragleave'): Promise<void> {
  await page.evaluate(`{
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File(['x'], 'clip.mp4', { type: 'video/mp4' }))
    document.body.dispatchEvent(new DragEvent('${type}', { dataTransfer, bubbles: true }))
  }`)
}
