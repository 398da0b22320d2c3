/**
 * The product as somebody new to it meets it: a fresh profile, the built app, the pack that ships, from the first visit to
 * deleting everything, the server switched off on the way. Writes what is on the screen after each step to
 * tests/.artifacts/walk and says how long the step took; docs/walkthrough.md tells it in words.
 *
 *     node --import tsx tests/tools/walkthrough.ts [WIDTH]     1280 (as in a window) where absent; 390 is a phone
 *
 * A step that does not come out is told, the walk goes on, and the status is 1.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { openBrowser, serveApp } from './app'

const width = Number(process.argv[2] ?? 1280)
const out = resolve(import.meta.dirname, '../.artifacts/walk', String(width))
const clips = resolve(import.meta.dirname, '../fixtures/clips')
/** So long (ms) the walk waits for the model to be ready the first time, and for anything else: enough on a busy machine. */
const firstPatience = 240_000
const patience = 60_000

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
let app = await serveApp()
const phone = width < 600
const browser = await openBrowser({ viewport: { width, height: phone ? 844 : 800 }, touch: phone })
const page = await browser.context.newPage()
page.setDefaultTimeout(patience)
page.on('pageerror', (error) => console.log('page error:', error.stack))
page.on('console', (message) => {
  if (message.type() === 'error' || message.type() === 'warning') console.log(`${message.type()}: ${message.text()}`)
})

let count = 0
/** Does something, and keeps a picture of what came of it. */
async function step(name: string, act: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await act().catch((thrown: unknown) => {
    console.error(`${name} did not come out:`, thrown)
    process.exitCode = 1
  })
  const seconds = (performance.now() - start) / 1000
  count += 1
  const file = `${String(count).padStart(2, '0')}-${name.replaceAll(' ', '-')}.png`
  await page.screenshot({ path: join(out, file) })
  const focus = await page.evaluate(() => {
    const { activeElement: at } = document
    return at === document.body ? 'nowhere' : at?.getAttribute('aria-label') || at?.id || at?.textContent?.trim()
  })
  console.log(`${file}  ${seconds.toFixed(1)} s, focus: ${focus}`)
}

const answers = () => page.locator('.turn[data-status=done]').count()
const ask = async (question: string) => {
  await page.getByLabel('Your question').fill(question)
  await page.keyboard.press('Enter')
}
/** Runs `act` and waits until one more answer than before is complete. */
async function untilAnswered(act: () => Promise<unknown>): Promise<void> {
  const before = await answers()
  await act()
  await page.locator('.turn[data-status=done]').nth(before).waitFor()
}
const untilWriting = (page: Page) =>
  page.waitForFunction(() => document.querySelector('.answer-text[data-live=true]')?.textContent?.trim(), null, {
    polling: 'raf',
    timeout: firstPatience,
  })
const openFile = (...names: string[]) =>
  page
    .locator('input[type=file][accept*=video]')
    .first()
    .setInputFiles(names.map((name) => join(clips, name)))
const untilSeen = (name: string) =>
  page
    .locator('.clip-panel', { hasText: name })
    .locator('.clip-progress[data-status=ready]')
    .waitFor({ state: 'attached' })

try {
  await step('first visit', async () => {
    await page.goto(app.url)
    await page.getByRole('heading', { level: 1 }).waitFor()
  })
  await step('a second later', () => page.waitForTimeout(1000))
  await step('why it stays here', () => page.getByRole('button', { name: 'How is that so?' }).click())
  await step('sample clip', async () => {
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Try the sample clip' }).click()
    await page.locator('.suggestions').waitFor()
  })
  await step('asked at once', () => page.getByRole('button', { name: 'What is happening?' }).click())
  await step('first words', () => untilWriting(page))
  await step('first answer', () => page.locator('.turn[data-status=done]').first().waitFor())
  await step('evidence', () => page.locator('.evidence, .turn-unsure').first().waitFor())
  await step('typed question', () => untilAnswered(() => ask('Is it indoors or outdoors?')))
  await step('figures', () => page.getByRole('button', { name: 'Figures' }).last().click())

  await step('copied', async () => {
    await browser.context.grantPermissions(['clipboard-write'])
    await page.getByRole('button', { name: 'Copy answer' }).last().click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
  })
  await step('question edited', async () => {
    const turns = await page.locator('.turn').count()
    await page.locator('.turn').last().hover()
    await page.getByRole('button', { name: 'Edit the question' }).last().click()
    await page.locator('.turn-question-form textarea').fill('What colour is the house?')
    await page.keyboard.press('Enter')
    await page.locator('.turn[data-status=done]', { hasText: 'What colour is the house?' }).waitFor()
    if ((await page.locator('.turn').count()) !== turns) throw new Error('an edited question must not be one more')
  })
  await step('tried harder', async () => {
    await untilAnswered(() => ask('What happens from the start to the end?'))
    await page.getByRole('button', { name: /^Try harder/ }).click()
    await page.locator('.turn-progress', { hasText: 'to keep the one that fits best' }).waitFor()
    await page.locator('.turn[data-status=done]', { hasText: 'from the start to the end' }).waitFor()
  })

  await step('own clip', async () => {
    await openFile('vp9.webm')
    await untilSeen('vp9.webm')
  })
  await step('question about it', () => untilAnswered(() => ask('What can you see?')))
  await step('wrong file', async () => {
    await page
      .locator('input[type=file][accept*=video]')
      .first()
      .setInputFiles({
        name: 'letter.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('Dear reader, this is no film.'),
      })
    await page.locator('.notice[data-code=not-a-video]').waitFor()
  })
  await step('sound only', async () => {
    await openFile('audio-only.m4a')
    await page.locator('.notice[data-code=no-video-track]').waitFor()
  })
  await step('stopped', async () => {
    await page.getByRole('button', { name: 'Dismiss' }).click()
    // Answers are short: what presses the button has to be quick.
    const pressed = page.waitForFunction(
      () => {
        const stop = document.querySelector<HTMLButtonElement>('button[aria-label="Stop"]')
        if (!stop || !document.querySelector('.answer-text[data-live=true]')?.textContent) return false
        stop.click()
        return true
      },
      null,
      { polling: 'raf' },
    )
    await ask('Tell me a long story about everything that can be seen here, with every detail.')
    await pressed
    await page.locator('.turn[data-status=stopped]').waitFor()
  })
  await step('second clip', async () => {
    await openFile('h264-edit-list.mp4')
    await untilSeen('h264-edit-list.mp4')
  })
  await step('back to the first', async () => {
    await page.locator('.clip-tab', { hasText: 'rolling-ball.webm' }).click()
    await untilSeen('rolling-ball.webm')
  })
  await step('find the moment', async () => {
    await page.getByRole('searchbox', { name: 'Find a moment' }).fill('a ball')
    await page.locator('.curve').waitFor()
    await page.getByRole('searchbox', { name: 'Find a moment' }).press('Enter')
    await page.waitForTimeout(2000)
  })
  await step('moment by moment', async () => {
    await page.getByRole('searchbox', { name: 'Find a moment' }).fill('')
    await untilAnswered(() => page.getByRole('button', { name: 'Moment by moment' }).click())
  })

  await step('reloaded at once', async () => {
    await page.reload()
    await page.locator('.turn').first().waitFor()
  })
  await step('reloaded and ready', () => untilSeen('rolling-ball.webm'))
  await step('asked after it', () => untilAnswered(() => ask('Where is this?')))

  await app.close()
  await step('reloaded without a server', async () => {
    await page.reload()
    await untilSeen('rolling-ball.webm')
  })
  await step('asked without a server', () => untilAnswered(() => ask('Is anybody there?')))
  await step('own clip without a server', async () => {
    await openFile('vp9-no-duration.webm')
    await untilSeen('vp9-no-duration.webm')
  })

  // At the same address, so that it is the same app.
  app = await serveApp(Number(new URL(app.url).port))
  await step('settings', async () => {
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.locator('.kept').waitFor()
  })
  await step('storage', () => page.getByRole('button', { name: 'Delete everything' }).scrollIntoViewIfNeeded())
  await step('delete everything', () => page.getByRole('button', { name: 'Delete everything' }).click())
  await step('all gone', async () => {
    await page.getByRole('alertdialog').locator('[data-look=danger]').click()
    await page.locator('.welcome').waitFor()
  })
} finally {
  await browser.close()
  await app.close()
}
