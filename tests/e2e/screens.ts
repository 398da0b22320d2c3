/** Every screen and state of the built page, one after another, in either language and at any width. */
import { resolve } from 'node:path'
import type { ParseKeys, TFunction } from 'i18next'
import type { Page } from 'playwright-core'
import { buildFolder } from '../tools/app'
import { drivePlaywright, waitFor, waitForEngine } from '../tools/drive'
import { type PlainHost, publishNextVersion } from '../tools/plain-host'
import { holdLanguage, holdVision } from './hold'
import { savedConversation } from './saved-conversation'

export type Walk = {
  readonly page: Page
  readonly host: PlainHost
  /** The words of the page's language. */
  readonly t: TFunction
  /** Conversations stand beside the stage; else in a drawer. */
  readonly wide: boolean
}
/** Looks at a screen; the walk goes on when it resolves. */
export type Visit<Result = void> = (screen: string, page: Page) => Promise<Result>

const tinyPack = 'tiny/tiny-retrieval/pack.json'
const clips = resolve(import.meta.dirname, '../fixtures/clips')

/** Opens the page and walks it from the first visit on. */
export async function walkScreens(walk: Walk, visit: Visit): Promise<void> {
  const { page, host } = walk
  await page.goto(`${host.origin}/?pack=${tinyPack}`)
  const loaded = await waitForEngine(drivePlaywright(page))
  if ('error' in loaded) throw new Error(`the engine did not load: ${JSON.stringify(loaded.error)}`)
  const see = (screen: string) => visit(screen, page)
  await firstVisit(walk, see)
  await recording(walk, see)
  await clipAndAnswer(walk, see)
  await moments(walk, see)
  await settings(walk, see)
  await figures(walk, see)
  await conversations(walk, see)
  await severalClips(walk, see)
  await update(walk, see)
  await otherTab(walk, visit)
}

type See = (screen: string) => Promise<void>
const button = ({ page, t }: Walk, key: ParseKeys) => page.getByRole('button', { name: t(key), exact: true })
const dialog = ({ page }: Walk) => page.locator('[role=dialog], [role=alertdialog]').last()

async function firstVisit(walk: Walk, see: See): Promise<void> {
  const { page } = walk
  await page.locator('.welcome').waitFor()
  await see('first visit')
  await page.locator('.trust-how').click()
  await see('why it stays here')
  await page.keyboard.press('Escape')
  await page.locator('.engine-status').click()
  await see('model status')
  await page.keyboard.press('Escape')
  await page.locator('.welcome input[type=file]').setInputFiles({
    name: 'notes.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from('These are words, not pictures.'),
  })
  await page.locator('.notice[data-code=not-a-video]').waitFor()
  await see('wrong file')
  await button(walk, 'notice.dismiss').click()
  const drag = (type: string) =>
    page.evaluate((name) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['x'], 'clip.mp4', { type: 'video/mp4' }))
      document.body.dispatchEvent(new DragEvent(name, { dataTransfer, bubbles: true }))
    }, type)
  await drag('dragenter')
  await page.locator('.drop-overlay').waitFor()
  await see('a file dragged')
  await drag('dragleave')
}

/** The camera is one that Chromium draws. */
async function recording(walk: Walk, see: See): Promise<void> {
  await button(walk, 'recording.open.camera').click()
  await dialog(walk).waitFor()
  await see('before a recording')
  await button(walk, 'recording.ask.camera').click()
  await walk.page.locator('.recording[data-status=previewing]').waitFor()
  await see('camera')
  await button(walk, 'recording.start').click()
  await walk.page.locator('.recording[data-status=recording]').waitFor()
  await see('recording')
  await button(walk, 'recording.discard').click()
  await walk.page.keyboard.press('Escape')
  await dialog(walk).waitFor({ state: 'detached' })
}

async function clipAndAnswer(walk: Walk, see: See): Promise<void> {
  const { page } = walk
  const goOn = await holdVision(page, 2)
  await page.locator('.sample').click()
  await page.locator('.strip-picture img').nth(1).waitFor()
  await see('clip being looked at')
  await goOn()
  await page.locator('.clip-progress[data-status=ready]').waitFor()
  await see('clip opened')
  await button(walk, 'recording.menu').click()
  await see('menu of recordings')
  await page.keyboard.press('Escape')
  const write = await holdLanguage(page, 6)
  await page.locator('#question').fill('What is happening?')
  await page.keyboard.press('Enter')
  await page.locator('.answer-text[data-live=true]').waitFor()
  await see('answer being written')
  await write()
  await page.locator('.evidence').waitFor()
  for (const detail of await page.locator('.disclosure-button').all()) await detail.click()
  await see('answer with its figures')
  await page.locator('.turn').hover()
  await button(walk, 'conversations.edit').click()
  await see('question being edited')
  await page.keyboard.press('Escape')
  await button(walk, 'chat.startOver').click()
  await see('starting over')
  await page.keyboard.press('Escape')
}

async function moments({ page }: Walk, see: See): Promise<void> {
  await page.locator('.find-input').fill('a ball rolls')
  await page.locator('.curve').waitFor()
  await page.locator('.find-input').press('ArrowDown')
  await see('moment found')
  await page.locator('.find-input').fill('')
  await page.locator('.find-parts').click()
  await page.locator('.turn[data-status=done] .segments-answer').waitFor()
  await see('moment by moment')
}

async function settings(walk: Walk, see: See): Promise<void> {
  await button(walk, 'settings.title').click()
  await walk.page.locator('.pack').first().waitFor()
  await walk.page.locator('.kept-row').first().waitFor()
  await see('settings')
  await button(walk, 'hub.title').click()
  await walk.page.locator('.hub .pack').first().waitFor()
  // Nothing is asked of anybody: it is no name.
  await walk.page.getByLabel(walk.t('hub.byName'), { exact: true }).fill('x')
  await button(walk, 'hub.lookUp').click()
  await walk.page.locator('.hub-form .pack-problem').waitFor()
  await see('models of a hub')
  await button(walk, 'storage.deleteAll').click()
  await see('deleting everything')
  await walk.page.keyboard.press('Escape')
  await walk.page.keyboard.press('Escape')
  await dialog(walk).waitFor({ state: 'detached' })
}

async function figures(walk: Walk, see: See): Promise<void> {
  const { page, t } = walk
  await button(walk, 'settings.title').click()
  await page.getByRole('radio', { name: t('performance.on'), exact: true }).click()
  await page.keyboard.press('Escape')
  await dialog(walk).waitFor({ state: 'detached' })
  const panel = page.locator('.performance')
  await panel.waitFor()
  await see('figures as they open')
  await page.locator('.performance-toggle').click()
  await see('figures opened or closed')
  await button(walk, 'performance.turnOff').click()
  await panel.waitFor({ state: 'detached' })
}

/** Brings the list of conversations, where it is not there already. */
async function openList(walk: Walk): Promise<void> {
  if (walk.wide) return
  await button(walk, 'conversations.open').click()
  await dialog(walk).waitFor()
}

async function conversations(walk: Walk, see: See): Promise<void> {
  const { page, t, wide } = walk
  await openList(walk)
  await see('conversations')
  const more = () => page.locator('.conversation-more:visible').first()
  const choose = async (key: ParseKeys) => {
    await more().click()
    await page.getByRole('menuitem', { name: t(key) }).click()
  }
  await more().click()
  await see('menu of a conversation')
  await page.keyboard.press('Escape')
  await choose('conversations.rename')
  await see('conversation being renamed')
  await page.keyboard.press('Escape')
  await choose('conversations.delete')
  await see('deleting a conversation')
  await page.keyboard.press('Escape')
  const search = page.getByRole('textbox', { name: t('conversations.search') })
  await search.fill('happening')
  await page.getByText(t('conversations.found', { count: 1 })).waitFor()
  await see('conversations found')
  await search.fill('nothing of the kind')
  await page.getByText(t('conversations.noneFound')).waitFor()
  await see('no conversation found')
  await page.keyboard.press('Escape')
  await page.locator('.conversations:visible .conversations-import input').setInputFiles({
    name: 'saved.json',
    mimeType: 'application/json',
    buffer: Buffer.from(savedConversation),
  })
  await page.locator('.lost-clip').waitFor()
  if (!wide) await dialog(walk).waitFor({ state: 'detached' })
  await page.locator('.answer-text code').first().waitFor()
  await see('saved conversation whose clip is lost')
}

async function severalClips(walk: Walk, see: See): Promise<void> {
  const { page } = walk
  const driven = drivePlaywright(page)
  await openList(walk)
  await page.locator('.conversations-new:visible').click()
  await page.locator('.welcome').waitFor()
  await driven.chooseFiles(resolve(clips, 'vp9.webm'), resolve(clips, 'still.jpg'))
  await page.locator('.clip-tab').nth(1).waitFor()
  await waitFor(driven, ({ clip }) => clip !== null, 60_000)
  await see('several clips')
  await page.locator('.clip-tab').nth(1).click()
  await page.locator('.player-stage img').waitFor()
  await page.locator('.clip-progress[data-status=ready]').waitFor()
  await see('a picture')
}

async function update({ page, host }: Walk, see: See): Promise<void> {
  publishNextVersion(host, buildFolder, '/')
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update())
  await page.locator('[data-update=ready]').waitFor()
  await see('a new version')
}

/** Another tab, whose pack cannot be had. */
async function otherTab(walk: Walk, visit: Visit): Promise<void> {
  const page = await walk.page.context().newPage()
  await page.goto(`${walk.host.origin}/?pack=tiny/none/pack.json`)
  await page.locator('.notice[data-kind=elsewhere]').waitFor()
  await visit('engine in another tab', page)
  await page.getByRole('button', { name: walk.t('tabs.takeOver') }).click()
  await page.locator('.notice[data-code]').waitFor()
  await visit('engine that could not start', page)
  await page.close()
}
