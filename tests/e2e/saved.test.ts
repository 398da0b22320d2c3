/** A conversation saved as files in the built page, deleted, and opened again from one of them. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OpenBrowser, openBrowser } from '../tools/app'
import {
  askQuestion,
  type Driven,
  drivePlaywright,
  openClip,
  readTranscript,
  waitFor,
  waitForEngine,
} from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { startTinyHost } from './support'

const clip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
const question = 'What is *this*?'
/** For one step, in ms: each takes a second or two on an idle machine. */
const patience = 60_000

let host: PlainHost
let browser: OpenBrowser
let page: Page
let driven: Driven

beforeAll(async () => {
  host = await startTinyHost()
  browser = await openBrowser()
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
  driven = drivePlaywright(page)
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

const choose = async (item: string) => {
  await page.locator('.conversation-more').first().click()
  await page.getByRole('menuitem', { name: item }).click()
}

/** What the browser is handed when a menu item is pressed: a file's name and text. */
async function saved(item: string): Promise<{ name: string; text: string; path: string }> {
  const [download] = await Promise.all([page.waitForEvent('download'), choose(item)])
  const path = await download.path()
  return { name: download.suggestedFilename(), text: readFileSync(path, 'utf8'), path }
}

test('saved as Markdown, JSON and WebVTT, deleted, opened again from JSON, and gone on with', async () => {
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  await openClip(driven, clip, patience)
  const { answer } = await askQuestion(driven, question, patience)
  await page.locator('.find-parts').click()
  await waitFor(driven, ({ turns }) => turns.length === 2 && turns[1]?.status === 'done', patience)
  const before = (await readTranscript(driven)).turns

  const markdown = await saved('Save as Markdown')
  expect(markdown.name).toMatch(/\.md$/)
  expect(markdown.text).toContain('> What is \\*this\\*?')
  expect(markdown.text).toContain(answer)
  const times = await saved('Save times as WebVTT')
  expect(times.name).toBe('vp9.webm.vtt')
  expect(times.text).toMatch(/^WEBVTT\n\n00:00:00\.000 --> 00:00:\d\d\.\d{3}\n\S/)
  const json = await saved('Save as JSON')

  await choose('Delete')
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await page.locator('.welcome').waitFor()
  // Another conversation, since there is no list without one.
  await page.locator('#question').fill('Anything here?')
  await page.keyboard.press('Enter')
  await page.locator('.conversations-import input').setInputFiles(json.path)
  await page.locator('.lost-clip').waitFor()
  const said = (turns: typeof before) => turns.map(({ question, answer, status }) => [question, answer, status])
  expect(said((await readTranscript(driven)).turns)).toEqual(said(before))

  await page.locator('.lost-clip input[type=file]').setInputFiles(clip)
  await waitFor(driven, (t) => t.clip !== null, patience)
  expect(await askQuestion(driven, 'And now?', patience)).toMatchObject({ status: 'done', error: null })
})
