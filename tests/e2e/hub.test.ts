/**
 * A tiny pack of the hub in the built page: looked up at a mirror on this machine, fetched, chosen, asked; then mirror and
 * server are stopped and it is asked again.
 */
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { securityHeaders } from '../../workers/offline/security-headers'
import { buildFolder, ensureBuild, type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, drivePlaywright, openClip, readTranscript, waitFor, waitForEngine } from '../tools/drive'
import { type HubServer, startHubServer } from '../tools/hub-server'
import { tinyRepositories } from '../tools/hub-tiny'
import { type PlainHost, startPlainHost } from '../tools/plain-host'

const repository = 'tiny/smolvlm'
const clip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
let hub: HubServer
let host: PlainHost
let browser: OpenBrowser
let page: Page
const asked = new Set<string>()

beforeAll(async () => {
  ensureBuild()
  hub = await startHubServer(tinyRepositories(), { mirror: true })
  host = await startPlainHost({ folders: { '/': buildFolder }, headers: securityHeaders })
  browser = await openBrowser()
  browser.context.on('request', (request) => asked.add(new URL(request.url()).origin))
  page = await browser.context.newPage()
  await page.addInitScript(
    ([origin, own]) => {
      localStorage.setItem('valley.settings', JSON.stringify({ language: 'en', hub: origin }))
      // The app's own pack is not what is asked here: its loading stays stopped until another one is chosen.
      localStorage.setItem('valley.paused', own ?? '')
    },
    [hub.origin, `${host.origin}/models/valley-nano/pack.json`],
  )
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
  await hub?.stop()
})

async function visit(): Promise<void> {
  await page.goto(`${host.origin}/`)
  const served = () => page.evaluate(() => navigator.serviceWorker.controller !== null).catch(() => false)
  await expect.poll(served, { timeout: 60_000 }).toBe(true)
}
const card = () => page.locator(`.pack[data-repository="${repository}"]`)
const button = (name: string) => page.getByRole('button', { name, exact: true })

test('looked up, fetched and chosen in the settings, it is what answers', async () => {
  await visit()
  await button('Settings').click()
  await button('Larger models from a hub').click()
  await page.getByLabel('Another model by its name').fill(repository)
  await button('Look it up').click()
  await button(`Get ${repository}`).click()
  await button(`Use ${repository}`).click()
  await card().getByText('In use').waitFor()
  await page.keyboard.press('Escape')
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  expect((await openClip(driven, clip)).clip).toMatchObject({ pooling: 'own' })
  expect(await askQuestion(driven, 'What is happening?')).toMatchObject({ status: 'done', error: null })
  expect([...asked].sort()).toEqual([host.origin, hub.origin].sort())
  expect(hub.requests.filter((request) => request.host === 'files')).toEqual([])
})

/** What the line below the clip says that it takes. */
const cost = async () => Number((await page.getByRole('button', { name: /^Takes/ }).innerText()).match(/\d+/)?.[0])

test('what the clip costs stands below it; pooled it costs less, and is answered about', async () => {
  const driven = drivePlaywright(page)
  const own = await cost()
  await page.getByRole('button', { name: /^Takes/ }).click()
  await page.getByRole('radio', { name: /pooling, mean/ }).check()
  await expect.poll(cost).toBeLessThan(own)
  expect(await askQuestion(driven, 'And now?')).toMatchObject({ status: 'done', error: null })
  expect((await readTranscript(driven)).clip).toMatchObject({ pooling: 'mean' })
})

test('with the hub and the server gone it is loaded, pools as it was told, and answers', async () => {
  const pooled = await cost()
  await hub.stop()
  await host.stop()
  await expect(fetch(hub.origin)).rejects.toThrow()
  await visit()
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  const { turns } = await waitFor(driven, (now) => now.turns.length === 2 && now.clip !== null, 60_000)
  expect(turns.map(({ question }) => question)).toEqual(['What is happening?', 'And now?'])
  expect(await cost()).toBe(pooled)
  expect(await askQuestion(driven, 'Still there?')).toMatchObject({ status: 'done', error: null })
})
