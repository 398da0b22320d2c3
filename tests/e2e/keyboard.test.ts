/** The main path with the keyboard alone: everything can be reached, is seen when it is, and leads back where it began. */
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { drivePlaywright, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { holdLanguage } from './hold'
import { allStops, backwards, focused, tabTo } from './keys'
import { startTinyHost } from './support'

let host: PlainHost
let browser: OpenBrowser
let page: Page

beforeAll(async () => {
  host = await startTinyHost()
  browser = await openBrowser()
  await browser.context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: host.origin })
  page = await browser.context.newPage()
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  expect(await waitForEngine(drivePlaywright(page))).not.toHaveProperty('error')
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

const press = (key: string) => page.keyboard.press(key)
const onFocus = () => expect.poll(async () => (await focused(page))?.name)
/** A layer that has just come listens for Escape a moment later; before that the one below still does. */
const leave = async () => {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  await press('Escape')
}
const lastTurn = (status: string) => page.locator(`.turn[data-status=${status}]`).last()

test('the first stop leads past everything to the question', async () => {
  await press('Tab')
  await onFocus().toBe('Skip to the question')
  expect((await focused(page))?.seen).toBe(true)
  await press('Enter')
  await onFocus().toBe('Your question')
})

test('stops come in the order in which they are seen', async () => {
  const stops = await allStops(page)
  expect(stops.length).toBeGreaterThan(5)
  expect(backwards(stops)).toEqual([])
})

test('the sample is opened, asked about and stopped; the focus is never lost', async () => {
  await tabTo(page, 'Try the sample clip', true)
  await press('Enter')
  await page.locator('.clip-progress[data-status=ready]').waitFor()
  await onFocus().toBe('Your question')
  const goOn = await holdLanguage(page, 6)
  await page.keyboard.type('What is happening?')
  await press('Enter')
  await page.locator('.answer-text[data-live=true]').waitFor()
  await tabTo(page, 'Stop')
  await press('Enter')
  await lastTurn('stopped').waitFor()
  await goOn()
  await onFocus().toBe('Your question')
})

test('a question is asked again, edited and its answer copied', async () => {
  await tabTo(page, 'Ask again', true)
  await press('Enter')
  await lastTurn('done').waitFor()
  await onFocus().toBe('Your question')
  await tabTo(page, 'Copy answer', true)
  await press('Enter')
  await onFocus().toBe('Copied')
  expect(await page.evaluate(() => navigator.clipboard.readText())).not.toBe('')
  await tabTo(page, 'Edit the question', true)
  await press('Enter')
  await onFocus().toBe('Edit the question')
  expect((await focused(page))?.tag).toBe('textarea')
  await leave()
  await onFocus().toBe('Edit the question')
  expect((await focused(page))?.tag).toBe('button')
  await press('Enter')
  await press('ControlOrMeta+A')
  await page.keyboard.type('What else is there?')
  await press('Enter')
  await page.locator('.turn-question').getByText('What else is there?').waitFor()
  await lastTurn('done').waitFor()
  expect(await focused(page)).not.toBeNull()
})

test('moments are found and gone to, and so are sampled frames', async () => {
  const time = () => page.locator('video').evaluate((video: HTMLVideoElement) => video.currentTime)
  await tabTo(page, 'Find a moment', true)
  await page.keyboard.type('a ball rolls')
  await page.locator('.curve-peaks button').first().waitFor()
  for (const _ of await page.locator('.curve-peaks li').all()) await press('ArrowDown')
  await press('Enter')
  await expect.poll(time).toBeGreaterThan(0)
  await tabTo(page, /^Go to 0:0/)
  await press('End')
  await press('Enter')
  await expect.poll(() => page.locator('.strip li').last().locator('[aria-current=true]').count()).toBe(1)
})

test('stops beside a conversation come in the order in which they are seen, too', async () => {
  const stops = await allStops(page)
  expect(stops.map(({ part }) => part).filter((part, index, all) => part !== all[index - 1])).toEqual([
    'header',
    'rail',
    'clip-panel',
    'chat-panel',
  ])
  expect(backwards(stops)).toEqual([])
})

test('settings are changed, and leaving them leads back to their button', async () => {
  await tabTo(page, 'Settings')
  await press('Enter')
  await page.locator('.kept-row').first().waitFor()
  await tabTo(page, 'System')
  await press('ArrowRight')
  await onFocus().toBe('Light')
  await press('ArrowRight')
  await onFocus().toBe('Dark')
  await press('Enter')
  await page.locator('html[data-theme=dark]').waitFor({ state: 'attached' })
  await tabTo(page, 'Delete everything')
  await press('Enter')
  await onFocus().toBe('Cancel')
  await leave()
  await onFocus().toBe('Delete everything')
  await leave()
  await onFocus().toBe('Settings')
})

test('conversations are begun, chosen, renamed and deleted', async () => {
  await tabTo(page, 'New conversation')
  await press('Enter')
  await onFocus().toBe('Your question')
  await page.keyboard.type('Is anybody there?')
  await press('Enter')
  await page.locator('.conversation').nth(1).waitFor()
  await tabTo(page, 'What else is there?', true)
  await press('Enter')
  await page.locator('.clip-panel').waitFor()
  expect(await focused(page)).not.toBeNull()

  await tabTo(page, 'Options for Is anybody there?')
  await press('Enter')
  await onFocus().toBe('Rename')
  await press('Enter')
  await onFocus().toBe('Name of the conversation')
  await page.keyboard.type('A short one')
  await press('Enter')
  await page.locator('.conversation').getByText('A short one').waitFor()
  await onFocus().toBe('Options for A short one')

  const chooseDelete = async () => {
    await press('Enter')
    await onFocus().toBe('Rename')
    await press('ArrowUp')
    await onFocus().toBe('Delete')
    await press('Enter')
    await onFocus().toBe('Cancel')
  }
  await chooseDelete()
  await leave()
  await onFocus().toBe('Options for A short one')
  await chooseDelete()
  await tabTo(page, 'Delete')
  await press('Enter')
  await expect.poll(() => page.locator('.conversation').count()).toBe(1)
  await expect.poll(() => focused(page)).not.toBeNull()
})
