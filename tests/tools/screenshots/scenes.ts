/** The screens that are pictured, in order, and how a person gets to each. */
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import type { Language } from '../../../src/app/i18n'
import { type TalkName, words } from './talks'

export type Stage = {
  readonly page: Page
  readonly language: Language
  /** A service worker of a newer version is served from now on. */
  readonly publish: () => void
}

export type Scene = {
  readonly name: string
  /** The conversation it shows; a scene without one is of the first visit. */
  readonly talk?: TalkName
  readonly act?: (stage: Stage) => Promise<void>
}

const clips = resolve(import.meta.dirname, '../../fixtures/clips')
/** Long enough for a menu to have faded in. */
const settle = 250

/** Before anything was opened. */
export const firstVisit: readonly Scene[] = [
  { name: 'empty' },
  { name: 'trust', act: ({ page }) => page.locator('.trust-how').click() },
  {
    name: 'drag',
    act: async ({ page }) => {
      await drag(page, 'dragenter')
      await page.locator('.drop-overlay').waitFor()
    },
  },
  {
    name: 'wrong-file',
    act: async ({ page }) => {
      await page.locator('.welcome input[type=file]').setInputFiles({
        name: 'notes.txt',
        mimeType: 'text/plain',
        buffer: Buffer.from('These are words, not pictures.'),
      })
      await page.locator('.notice[data-kind=error]').waitFor({ timeout: 60_000 })
    },
  },
  {
    name: 'record',
    act: async ({ page }) => {
      await page.locator('.record-buttons button').first().click()
      await page.locator('.recording button[data-look=primary]').click()
      await page.locator('.recording[data-status=previewing]').waitFor()
      // The camera takes a moment.
      await page.waitForTimeout(2000)
    },
  },
  {
    name: 'waiting',
    act: async ({ page }) => {
      await page.locator('#question').fill('?')
      await page.locator('#question').press('Enter')
      await page.locator('.turn-progress').waitFor()
    },
  },
]

/** With the sample clip open and nothing asked yet. */
export const opened: Scene = { name: 'opened', act: ({ page }) => page.mouse.move(0, 0) }

/** With the conversations of talks.ts in the list. */
export const withTalks: readonly Scene[] = [
  { name: 'answered', talk: 'answered' },
  { name: 'hover', talk: 'answered', act: ({ page }) => page.locator('.evidence-frame').nth(1).hover() },
  { name: 'focus', talk: 'answered', act: focusEvidence },
  { name: 'stats', talk: 'answered', act: ({ page }) => page.locator('.disclosure-button').last().click() },
  {
    name: 'quotes',
    talk: 'answered',
    act: async ({ page }) => {
      const first = page.locator('.turn').first()
      await first.locator('.disclosure-button').first().click()
      await first.locator('.disclosure-body').first().scrollIntoViewIfNeeded()
    },
  },
  {
    name: 'edit',
    talk: 'answered',
    act: async ({ page }) => {
      await page.locator('.turn').first().scrollIntoViewIfNeeded()
      await page.locator('.turn').first().hover()
      await page.locator('.turn-question-edit').first().click()
    },
  },
  { name: 'start-over', talk: 'answered', act: ({ page }) => page.locator('.chat-start-over').click() },
  {
    name: 'found',
    talk: 'parts',
    act: async ({ page, language }) => {
      await page.locator('.find-input').fill(words[language].moment)
      await page.locator('.curve').waitFor({ timeout: 60_000 })
      await page.locator('.find-input').press('ArrowDown')
    },
  },
  { name: 'parts', talk: 'parts', act: ({ page }) => page.locator('.find-input').fill('') },
  { name: 'several', talk: 'several' },
  { name: 'lost', talk: 'lost' },
  { name: 'unsure', talk: 'unsure' },
  { name: 'failed', talk: 'failed' },
  { name: 'long', talk: 'long' },
  {
    name: 'picture',
    talk: 'several',
    act: async ({ page }) => {
      await page.locator('.clip-tabs input[type=file]').setInputFiles(resolve(clips, 'still.jpg'))
      await page.locator('.player-stage img').waitFor({ timeout: 60_000 })
      await page.waitForTimeout(1000)
    },
  },
  { name: 'list', talk: 'answered', act: ({ page }) => showList(page) },
  {
    name: 'search',
    talk: 'answered',
    act: async ({ page, language }) => {
      await showList(page)
      await list(page).locator('search input').fill(words[language].found)
      await page.waitForTimeout(600)
    },
  },
  {
    name: 'search-none',
    talk: 'answered',
    act: async ({ page, language }) => {
      await showList(page)
      await list(page).locator('search input').fill(words[language].missing)
      await page.waitForTimeout(600)
    },
  },
  {
    name: 'menu',
    talk: 'answered',
    act: async ({ page }) => {
      await showList(page)
      await list(page).locator('search input').fill('')
      await page.waitForTimeout(300)
      await list(page).locator('.conversation-more').nth(1).click()
    },
  },
  {
    name: 'rename',
    talk: 'answered',
    act: async ({ page, language }) => {
      await showList(page)
      await list(page).locator('.conversation-more').nth(1).click()
      await page.locator('.menu-item').first().click()
      await page.locator('.conversation-rename input').fill(words[language].renamed)
    },
  },
  {
    name: 'delete',
    talk: 'answered',
    act: async ({ page }) => {
      await showList(page)
      await list(page).locator('.conversation-more').nth(1).click()
      await page.locator('.menu-item[data-look=danger]').click()
    },
  },
  { name: 'model', talk: 'answered', act: ({ page }) => page.locator('.engine-status').click() },
  { name: 'settings', talk: 'answered', act: showSettings },
  {
    name: 'packs',
    talk: 'answered',
    act: async (stage) => {
      await showSettings(stage)
      await stage.page.locator('.pack').first().scrollIntoViewIfNeeded()
      await stage.page.locator('#packs-label').evaluate((label) => label.scrollIntoView({ block: 'start' }))
    },
  },
  {
    name: 'hub',
    talk: 'answered',
    act: async (stage) => {
      await showSettings(stage)
      await stage.page.locator('.hub .disclosure-button').click()
      await stage.page.locator('.hub .pack').first().waitFor()
      await stage.page.locator('.hub').evaluate((part) => part.scrollIntoView({ block: 'start' }))
    },
  },
  {
    name: 'storage',
    talk: 'answered',
    act: async (stage) => {
      await showSettings(stage)
      await stage.page.locator('.kept').waitFor()
      await stage.page.locator('.settings').evaluate((dialog) => dialog.scrollTo(0, dialog.scrollHeight))
    },
  },
  {
    name: 'delete-all',
    talk: 'answered',
    act: async (stage) => {
      await showSettings(stage)
      await stage.page.locator('.kept').waitFor()
      await stage.page.locator('.settings button[data-look=danger]').last().click()
    },
  },
  {
    name: 'second-tab',
    talk: 'answered',
    act: async ({ page }) => {
      const other = await page.context().newPage()
      await other.goto(page.url())
      await other.locator('.notice[data-kind=elsewhere] button').click()
      await page.bringToFront()
      await page.locator('.notice[data-kind=elsewhere]').waitFor()
    },
  },
  {
    name: 'update',
    talk: 'answered',
    act: async ({ page, publish }) => {
      for (const other of page.context().pages()) if (other !== page) await other.close()
      publish()
      await page.evaluate(async () => void (await navigator.serviceWorker.ready).update())
      await page.locator('[data-update]').waitFor({ timeout: 30_000 })
    },
  },
  {
    name: 'figures',
    talk: 'answered',
    act: async (stage) => {
      await showSettings(stage)
      await stage.page.locator('.settings > .settings-row .segments').last().locator('.segment').last().click()
      await stage.page.keyboard.press('Escape')
      await stage.page.locator('.performance').waitFor()
    },
  },
]

/** Asks the pack that ships for what it says best. */
export const ask = ({ page }: Stage): Promise<void> => page.locator('.suggestion').first().click()

/** That pack at work: minutes of the processor where there is no graphics card, so only when named. Any may be left out. */
export const live: readonly Scene[] = [
  {
    name: 'live-encoding',
    act: ({ page }) => page.locator('.strip-picture img').nth(2).waitFor({ timeout: 240_000 }),
  },
  {
    name: 'live-reading',
    act: ({ page }) => page.locator('.turn[data-status=reading] .turn-progress').waitFor({ timeout: 240_000 }),
  },
  {
    name: 'live-writing',
    act: async ({ page }) => {
      // As a function: a string would be an eval, which the page's policy refuses.
      await page.waitForFunction(
        () => (document.querySelector('.answer-text[data-live=true]')?.textContent?.length ?? 0) > 12,
        null,
        { timeout: 240_000 },
      )
    },
  },
  {
    name: 'live-answered',
    act: ({ page }) => page.locator('.turn[data-status=done]').waitFor({ timeout: 240_000 }),
  },
  {
    name: 'live-found',
    act: async ({ page }) => {
      await page.locator('.find-input').fill('a ball near a tree')
      await page.locator('.curve').waitFor({ timeout: 240_000 })
      // Until the closer look has ended.
      await page.waitForTimeout(2_000)
      await page.locator('.find-status[aria-live=off]').waitFor({ state: 'detached', timeout: 240_000 })
    },
  },
  {
    name: 'live-parts',
    act: async ({ page }) => {
      await page.locator('.find-input').fill('')
      await page.locator('.find-parts').click()
      await page.locator('.turn[data-status=done]').nth(1).waitFor({ timeout: 240_000 })
    },
  },
]

/** Takes away what a scene of the first visit may have left. */
export async function clearFirstVisit({ page }: Stage): Promise<void> {
  await page.keyboard.press('Escape')
  await drag(page, 'dragleave')
  for (const notice of await page.locator('.notice [data-icon-only]').all()) await notice.click()
}

/** Brings a conversation of the list onto the screen, from whatever the scene before left. */
export async function showTalk({ page, language }: Stage, talk: TalkName): Promise<void> {
  for (let open = 0; open < 3; open++) await page.keyboard.press('Escape')
  await showList(page)
  const field = list(page).locator('search input')
  if ((await field.inputValue()) !== '') {
    await field.fill('')
    await page.waitForTimeout(settle)
  }
  // As much of it as the list surely shows.
  await list(page)
    .locator('.conversation-title', { hasText: words[language].titles[talk].slice(0, 30) })
    .first()
    .click()
  await page.locator('.turn').first().waitFor()
  await page.mouse.move(0, 0)
  await page.waitForTimeout(settle)
}

/** The list beside the stage or, where there is no room, over it. */
const list = (page: Page) => page.locator('.rail:visible .conversations, .drawer .conversations')

async function showList(page: Page): Promise<void> {
  const button = page.locator('.drawer-button')
  if ((await button.isVisible()) && !(await page.locator('.drawer').isVisible())) await button.click()
  await list(page).waitFor()
  await page.waitForTimeout(settle)
}

async function showSettings({ page }: Stage): Promise<void> {
  await page.locator('.header button').last().click()
  await page.locator('.settings .pack').first().waitFor()
  await page.waitForTimeout(settle)
}

/** By key, since only then is the focus shown. */
async function focusEvidence({ page }: Stage): Promise<void> {
  await page.locator('.evidence-frame').first().focus()
  await page.keyboard.press('Tab')
}

async function drag(page: Page, type: 'dragenter' | 'dragleave'): Promise<void> {
  await page.evaluate((name) => {
    const dataTransfer = new DataTransfer()
    dataTransfer.items.add(new File(['x'], 'clip.mp4', { type: 'video/mp4' }))
    document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true }))
  }, type)
}
