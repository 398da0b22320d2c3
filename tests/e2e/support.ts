/** What every end-to-end test opens: the built app in Chromium, and a clip to talk about. */
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Page } from 'playwright-core'
import { securityHeaders } from '../../workers/offline/security-headers'
import {
  buildFolder,
  ensureBuild,
  type OpenBrowser,
  openBrowser,
  openPage,
  type ServedApp,
  serveApp,
  sharedData,
} from '../tools/app'
import { type Driven, drivePlaywright, waitForEngine } from '../tools/drive'
import { type PlainHost, startPlainHost } from '../tools/plain-host'

declare const valley: {
  transcript(): { turns: { status: string }[] }
  killWorker(name: 'language' | 'vision'): void
}

export type Running = {
  readonly app: ServedApp
  readonly browser: OpenBrowser
  readonly page: Page
  readonly driven: Driven
  readonly pageErrors: string[]
  close(): Promise<void>
}

/** Serves the build, opens it in a fresh profile and waits for both workers. */
export async function startApp(path = ''): Promise<Running> {
  const app = await serveApp()
  const browser = await openBrowser()
  const { page, errors } = await openPage(browser.context, app.url, path)
  const driven = drivePlaywright(page)
  const engine = await waitForEngine(driven)
  if ('error' in engine) throw new Error(`the engine did not load: ${JSON.stringify(engine.error)}`)
  return {
    app,
    browser,
    page,
    driven,
    pageErrors: errors,
    close: async () => {
      await browser.close()
      await app.close()
    },
  }
}

const fixtures = resolve(import.meta.dirname, '../fixtures/clips')

/** The build on a host that sends our headers, the tiny packs beside it (`?pack=tiny/NAME/pack.json`): their answers are random and quick. */
export function startTinyHost(): Promise<PlainHost> {
  ensureBuild()
  const tiny = resolve(import.meta.dirname, '../fixtures/tiny')
  return startPlainHost({ folders: { '/': buildFolder, '/tiny/': tiny }, headers: securityHeaders })
}

/** A shared clip by name where this machine has them, else one of the repository's own making. */
export function clip(shared: string, own: string): { path: string; shared: boolean } {
  const path = sharedData('videos', shared)
  return path ? { path, shared: true } : { path: resolve(fixtures, own), shared: false }
}

/** Drops a file on the window, as a person would from their file manager. */
export async function dropFile(page: Page, path: string, type: string): Promise<void> {
  const bytes = readFileSync(path).toString('base64')
  const transfer = await page.evaluateHandle(
    ({ base64, name, mime }) => {
      const content = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
      const data = new DataTransfer()
      data.items.add(new File([content], name, { type: mime }))
      return data
    },
    { base64: bytes, name: basename(path), mime: type },
  )
  for (const event of ['dragenter', 'dragover', 'drop'])
    await page.dispatchEvent('body', event, { dataTransfer: transfer })
}

/**
 * Acts in the page the moment that the newest answer has its first words: answers are short, a driver's poll is slow.
 * Begun before the question is asked. Rejects where that answer ends first.
 */
export async function whenWriting(page: Page, act: 'click stop' | 'kill language'): Promise<void> {
  await page.evaluate(
    (action) =>
      new Promise<void>((resolve, reject) => {
        const asked = valley.transcript().turns.length
        const stop = () => document.querySelector<HTMLButtonElement>('button[aria-label="Stop"]')
        const look = () => {
          const { turns } = valley.transcript()
          const status = turns.length > asked ? turns.at(-1)?.status : undefined
          if (status === 'done' || status === 'failed') return reject(new Error(`too late: the answer is ${status}`))
          if (status !== 'writing' || (action === 'click stop' && !stop())) return setTimeout(look, 0)
          if (action === 'click stop') stop()?.click()
          else valley.killWorker('language')
          return resolve()
        }
        look()
      }),
    act,
  )
}
