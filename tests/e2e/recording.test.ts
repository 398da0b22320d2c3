/** A snippet recorded in the built app, from a camera and a screen that Chromium draws itself: recorded, looked at, asked about, kept. */
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { recordingArgs } from '../tools/chromium'
import { askQuestion, drivePlaywright, waitFor, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { storedTurns } from '../tools/storage'
import { startTinyHost } from './support'

const patience = 60_000
let host: PlainHost
let browser: OpenBrowser | undefined

beforeAll(async () => {
  host = await startTinyHost()
})
afterAll(() => host?.stop())
afterEach(() => browser?.close())

/** Records two seconds or a little more, by the clock that the dialog shows. */
async function record(page: Page, open: string, begin: readonly string[]) {
  await page.getByRole('button', { name: open }).click()
  const dialog = page.getByRole('dialog', { name: open })
  for (const name of begin) await dialog.getByRole('button', { name }).click()
  await expect.poll(() => dialog.textContent(), { timeout: patience }).toMatch(/0:(0[2-9]|[1-5]\d) of/)
  await dialog.getByRole('button', { name: 'Stop and open' }).click()
  await dialog.waitFor({ state: 'detached' })
}

test.each([
  { what: 'Camera', open: 'Record from the camera', begin: ['Turn on the camera', 'Start recording'] },
  { what: 'Screen', open: 'Record the screen', begin: ['Choose what to record'] },
])('$what: recorded, then asked about, and there after a reload', async ({ what, open, begin }) => {
  browser = await openBrowser({ args: recordingArgs })
  const page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
  const driven = drivePlaywright(page)
  const visit = async () => expect(await waitForEngine(driven)).not.toHaveProperty('error')
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  await visit()
  await record(page, open, begin)
  const { clip, title, errors } = await waitFor(driven, (now) => now.clip !== null, patience)
  expect(errors).toEqual([])
  expect(title).toMatch(new RegExp(`^${what} `))
  expect(clip?.timestamps.length).toBeGreaterThan(1)
  expect(await askQuestion(driven, 'What is it?', patience)).toMatchObject({ status: 'done', error: null })
  await expect.poll(() => storedTurns(page), { timeout: patience }).toBe(1)

  await page.reload()
  await visit()
  const back = await waitFor(driven, (now) => now.clip !== null && now.turns.length > 0, patience)
  expect(back).toMatchObject({ title, errors: [], turns: [{ question: 'What is it?' }] })
  expect(back.clip?.timestamps).toEqual(clip?.timestamps)
})
