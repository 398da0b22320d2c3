/** The storage panel of the built page: it lists every byte that a session leaves in the browser, and "delete everything" leaves none. */
import { resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatBytes } from '../../src/app/format'
import { databaseName } from '../../src/storage/database'
import { keptFolders, packFilesCache } from '../../workers/protocol'
import { type OpenBrowser, openBrowser } from '../tools/app'
import { askQuestion, drivePlaywright, openClip, waitFor, waitForEngine } from '../tools/drive'
import type { PlainHost } from '../tools/plain-host'
import { startTinyHost } from './support'

const clip = resolve(import.meta.dirname, '../fixtures/clips/vp9.webm')
/** For one step, in ms: each takes a second or two on an idle machine. */
const patience = 60_000

let host: PlainHost
let browser: OpenBrowser
let page: Page

beforeAll(async () => {
  host = await startTinyHost()
  browser = await openBrowser()
  page = await browser.context.newPage()
  page.setDefaultTimeout(patience)
})
afterAll(async () => {
  await browser?.close()
  await host?.stop()
})

/** All that the browser holds for this origin, by place: bytes, for databases and service workers how many; read by hand, not by the app. */
const held = () =>
  page.evaluate(async () => {
    const bytesIn = async (folder: FileSystemDirectoryHandle): Promise<number> => {
      let bytes = 0
      for await (const handle of folder.values()) {
        if (handle.kind === 'directory') bytes += await bytesIn(handle as FileSystemDirectoryHandle)
        else bytes += (await (handle as FileSystemFileHandle).getFile()).size
      }
      return bytes
    }
    const folders: Record<string, number> = {}
    for await (const handle of (await navigator.storage.getDirectory()).values()) {
      if (handle.kind === 'directory') folders[handle.name] = await bytesIn(handle as FileSystemDirectoryHandle)
      else folders[handle.name] = Number.NaN
    }
    const cached: Record<string, number> = {}
    for (const name of await caches.keys()) {
      const cache = await caches.open(name)
      let bytes = 0
      for (const request of await cache.keys()) bytes += (await (await cache.match(request))?.blob())?.size ?? 0
      cached[name] = bytes
    }
    const settings = [...Object.entries(localStorage), ...Object.entries(sessionStorage)]
    return {
      folders,
      cached,
      settings: settings.reduce((sum, [key, value]) => sum + 2 * (key.length + value.length), 0),
      databases: (await indexedDB.databases()).map(({ name }) => name),
      workers: (await navigator.serviceWorker.getRegistrations()).length,
      cookies: document.cookie,
    }
  })

/** What the panel says of each kind, looked at anew. */
async function listed(): Promise<Record<string, string>> {
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Settings', exact: true }).click()
  await page.locator('.kept-row').first().waitFor()
  const rows = await page.locator('.kept-row[data-kind]').all()
  const said = rows.map(async (row) => [
    await row.getAttribute('data-kind'),
    await row.locator('> .tabular').textContent(),
  ])
  return Object.fromEntries(await Promise.all(said))
}

test('what a session leaves is listed to the byte', async () => {
  await page.goto(`${host.origin}/?pack=tiny/tiny-retrieval/pack.json`)
  const driven = drivePlaywright(page)
  expect(await waitForEngine(driven)).not.toHaveProperty('error')
  await page.locator('.sample').click()
  await waitFor(driven, (t) => t.clip !== null, patience)
  expect(await askQuestion(driven, 'What is happening?', patience)).toMatchObject({ status: 'done' })
  await openClip(driven, clip, patience)
  expect(await askQuestion(driven, 'And here?', patience)).toMatchObject({ status: 'done' })
  await page.locator('#question').fill('Not sent yet')

  // Tokens, keys and weights are written behind the answers, some of them a while later.
  await expect
    .poll(
      async () => {
        const { folders, cached, settings } = await held()
        const of = (...names: string[]) =>
          names.reduce((sum, name) => sum + (folders[name] ?? 0) + (cached[name] ?? 0), 0)
        const { clips, prefixes, partial, hub, packs, derived, speeds } = keptFolders
        const shell = Object.keys(cached).filter((name) => name !== packFilesCache)
        const expected = {
          clips: of(clips, prefixes),
          packs: of(partial, hub, packFilesCache),
          imported: of(packs),
          weights: of(derived, speeds),
          shell: of(...shell),
          settings,
        }
        const said = await listed()
        const wrong = Object.entries(expected).filter(([kind, bytes]) => said[kind] !== formatBytes(bytes, 'en'))
        const empty = ['clips', 'packs', 'weights', 'shell', 'settings', 'copies', 'conversations'].filter((kind) =>
          /^0 /.test(said[kind] ?? '0 '),
        )
        return { wrong, empty }
      },
      { timeout: patience, interval: 1000 },
    )
    .toEqual({ wrong: [], empty: [] })

  const { folders, databases, cookies } = await held()
  expect(Object.keys(folders).filter((name) => !(Object.values(keptFolders) as string[]).includes(name))).toEqual([])
  expect(databases).toEqual([databaseName])
  expect(cookies).toBe('')
  const keys = await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)])
  expect(keys.filter((key) => !key.startsWith('valley.'))).toEqual([])
})

test('the browser is asked to keep it, and what it says is said', async () => {
  const cdp = await browser.context.newCDPSession(page)
  // Chromium grants it to whom it knows, which a fresh profile is not: the grant comes when the page asks, not before.
  await page.exposeFunction('grant', () =>
    cdp.send('Browser.grantPermissions', { origin: host.origin, permissions: ['durableStorage'] }),
  )
  await page.evaluate(() => {
    const { persist } = StorageManager.prototype
    StorageManager.prototype.persist = async function () {
      await (globalThis as unknown as { grant(): Promise<void> }).grant()
      return persist.call(this)
    }
  })
  await page.getByText('The browser may delete this when the disk is nearly full.').waitFor()
  await page.getByRole('button', { name: 'Ask the browser to keep it' }).click()
  await page.getByText('The browser keeps this until you delete it.').waitFor()
  expect(await page.evaluate(() => navigator.storage.persisted())).toBe(true)
})

test('"delete everything" leaves nothing', async () => {
  // What opens anew after it is not the app, which would begin to keep things again.
  host.replaced.set('/index.html', '<!doctype html><title>Nothing here</title>')
  await page.getByRole('button', { name: 'Delete everything' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await expect.poll(() => page.title(), { timeout: patience }).toBe('Nothing here')
  expect(await held()).toEqual({ folders: {}, cached: {}, settings: 0, databases: [], workers: 0, cookies: '' })
})
