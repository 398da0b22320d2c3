/**
 * The product as somebody new to it meets it: a fresh profile, the built app, the pack that ships, from the first visit to
 * deleting everything, the server switched off on the way. Writes what is on the screen after each step to
 * tests/.artifacts/walk and says how long the step took; docs/walkthrough.md tells it in words.
 *
 *     node --import tsx tests/tools/walkthrough.ts [WIDTH] [dark] [zh]
 *
 * WIDTH: 1280 (as in a window) where absent; 390 is a phone. `dark`, `zh`: a browser that prefers dark colours, Chinese.
 *
 * A step that does not come out is told, the walk goes on, and the status is 1.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { openBrowser, serveApp } from './app'

const words = process.argv.slice(2)
const width = Number(words.find((word) => /^\d+$/.test(word)) ?? 1280)
const dark = words.includes('dark')
const chinese = words.includes('zh')
const name = [width, ...(dark ? ['dark'] : []), ...(chinese ? ['zh'] : [])].join('-')
const out = resolve(import.meta.dirname, '../.artifacts/walk', name)
const catalogue = resolve(import.meta.dirname, '../../src/app/i18n', chinese ? 'zh-CN.json' : 'en.json')
const sentences: Record<string, Record<string, string>> = JSON.parse(readFileSync(catalogue, 'utf8'))
/** What the page calls something, in the language of the walk. @throws Error for an unknown key */
function t(key: `${string}.${string}`): string {
  const [group = '', sentence = ''] = key.split('.')
  const text = sentences[group]?.[sentence]
  if (text === undefined) throw new Error(`no sentence ${key}`)
  return text
}
const clips = resolve(import.meta.dirname, '../fixtures/clips')
/** So long (ms) the walk waits for the model to be ready the first time, and for anything else: enough on a busy machine. */
const firstPatience = 240_000
const patience = 60_000

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
let app = await serveApp()
const phone = width < 600
const browser = await openBrowser({
  viewport: { width, height: phone ? 844 : 800 },
  touch: phone,
  colorScheme: dark ? 'dark' : 'light',
  locale: chinese ? 'zh-CN' : 'en-US',
})
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
  await page.getByLabel(t('chat.question')).fill(question)
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
  await step('why it stays here', () => page.getByRole('button', { name: t('welcome.trustHow') }).click())
  await step('sample clip', async () => {
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: t('welcome.sample') }).click()
    await page.locator('.suggestions').waitFor()
  })
  await step('asked at once', () => page.getByRole('button', { name: 'What is happening?' }).click())
  await step('first words', () => untilWriting(page))
  await step('first answer', () => page.locator('.turn[data-status=done]').first().waitFor())
  await step('evidence', () => page.locator('.evidence, .turn-unsure').first().waitFor())
  await step('typed question', () => untilAnswered(() => ask('Is it indoors or outdoors?')))
  await step('figures', () =>
    page
      .getByRole('button', { name: t('stats.show') })
      .last()
      .click(),
  )

  await step('copied', async () => {
    await browser.context.grantPermissions(['clipboard-write'])
    await page
      .getByRole('button', { name: t('chat.copy') })
      .last()
      .click()
    await page.getByRole('button', { name: t('chat.copied') }).waitFor()
  })
  await step('question edited', async () => {
    const turns = await page.locator('.turn').count()
    await page.locator('.turn').last().hover()
    await page
      .getByRole('button', { name: t('conversations.edit') })
      .last()
      .click()
    await page.locator('.turn-question-form textarea').fill('What colour is the house?')
    await page.keyboard.press('Enter')
    await page.locator('.turn[data-status=done]', { hasText: 'What colour is the house?' }).waitFor()
    if ((await page.locator('.turn').count()) !== turns) throw new Error('an edited question must not be one more')
  })
  await step('tried harder', async () => {
    await untilAnswered(() => ask('What happens from the start to the end?'))
    await page.getByRole('button', { name: t('conversations.harder') }).click()
    await page.locator('.turn-progress', { hasText: t('conversations.trying').split('}}').at(-1) ?? '' }).waitFor()
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
    await page.getByRole('button', { name: t('notice.dismiss') }).click()
    // Answers are short: what presses the button has to be quick.
    const pressed = page.waitForFunction(
      (label) => {
        const stop = document.querySelector<HTMLButtonElement>(`button[aria-label="${label}"]`)
        if (!stop || !document.querySelector('.answer-text[data-live=true]')?.textContent) return false
        stop.click()
        return true
      },
      t('chat.stop'),
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
    await page.getByRole('searchbox', { name: t('moments.find') }).fill('a ball')
    await page.locator('.curve').waitFor()
    await page.getByRole('searchbox', { name: t('moments.find') }).press('Enter')
    await page.waitForTimeout(2000)
  })
  await step('moment by moment', async () => {
    await page.getByRole('searchbox', { name: t('moments.find') }).fill('')
    await untilAnswered(() => page.getByRole('button', { name: t('moments.describe') }).click())
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
    await page.getByRole('button', { name: t('settings.title') }).click()
    await page.locator('.kept').waitFor()
  })
  await step('storage', () => page.getByRole('button', { name: t('storage.deleteAll') }).scrollIntoViewIfNeeded())
  await step('delete everything', () => page.getByRole('button', { name: t('storage.deleteAll') }).click())
  await step('all gone', async () => {
    await page.getByRole('alertdialog').locator('[data-look=danger]').click()
    await page.locator('.welcome').waitFor()
  })
} finally {
  await browser.close()
  await app.close()
}
