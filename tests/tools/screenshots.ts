/**
 * Screens to look at: builds the app, takes it through what a person does and writes PNGs to tests/.artifacts/screens.
 * `node --import tsx tests/tools/screenshots.ts [word…]`: words choose sizes (phone tablet desktop), themes (light
 * dark), languages (en zh) and scenes (screenshots/scenes.ts); of what no word chooses, all are taken. But for the scenes
 * of the shipped pack at work, which are slow: `live` among the words takes them, or the name of one, and no others.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { securityHeaders } from '../../workers/offline/security-headers'
import { buildFolder, ensureBuild } from './app'
import { chromiumArgs, chromiumEnv, findChromium, recordingArgs } from './chromium'
import { drivePlaywright, waitForEngine } from './drive'
import { type PlainHost, publishNextVersion, startPlainHost } from './plain-host'
import {
  ask,
  clearFirstVisit,
  firstVisit,
  live,
  opened,
  type Scene,
  type Stage,
  showTalk,
  withTalks,
} from './screenshots/scenes'
import { seed } from './screenshots/seed'

const sizes = {
  phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  tablet: { viewport: { width: 820, height: 1180 }, isMobile: true, hasTouch: true },
  desktop: { viewport: { width: 1440, height: 900 }, isMobile: false, hasTouch: false },
} as const
const themes = ['light', 'dark'] as const
const languages = { en: 'en', zh: 'zh-CN' } as const
const scenes = [...firstVisit, opened, ...withTalks].map(({ name }) => name)
const path = '/valley/'
const out = resolve(import.meta.dirname, '../.artifacts/screens')

const words = process.argv.slice(2)
const liveScenes = live.map(({ name }) => name)
const known = [...Object.keys(sizes), ...themes, ...Object.keys(languages), ...scenes, 'live', ...liveScenes]
const strange = words.filter((word) => !known.includes(word))
if (strange.length > 0) throw new Error(`unknown: ${strange.join(' ')}; known: ${known.join(' ')}`)
/** Those of `all` that the words name; all where they name none. */
function chosen<T extends string>(all: readonly T[]): T[] {
  const named = all.filter((name) => words.includes(name))
  return named.length > 0 ? named : [...all]
}
const isLive = words.some((word) => word.startsWith('live'))
const wanted = new Set<string>(chosen(isLive ? liveScenes : scenes))

const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium found; set CHROMIUM_PATH')
ensureBuild()
mkdirSync(out, { recursive: true })

for (const size of chosen(Object.keys(sizes) as (keyof typeof sizes)[])) {
  for (const theme of chosen(themes)) {
    for (const language of chosen(Object.keys(languages) as (keyof typeof languages)[])) {
      await take(executablePath, `${size}-${theme}-${language}`, sizes[size], { theme, language: languages[language] })
    }
  }
}

type Settings = { readonly theme: (typeof themes)[number]; readonly language: Stage['language'] }

/** All wanted scenes in one look, in a browser profile of its own: the next look must begin with a first visit. */
async function take(
  browser: string,
  look: string,
  size: (typeof sizes)[keyof typeof sizes],
  settings: Settings,
): Promise<void> {
  const tiny = resolve(import.meta.dirname, '../fixtures/tiny')
  const host = await startPlainHost({
    folders: { [path]: buildFolder, [`${path}tiny/`]: tiny },
    headers: securityHeaders,
  })
  const profile = mkdtempSync(join(tmpdir(), 'valley-profile-'))
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: browser,
    args: [...chromiumArgs, ...recordingArgs],
    env: chromiumEnv(browser),
    ...size,
  })
  try {
    await context.addInitScript((stored) => localStorage.setItem('valley.settings', stored), JSON.stringify(settings))
    const page = await context.newPage()
    page.setDefaultTimeout(15_000)
    page.on('pageerror', (error) => console.log(look, 'page error', error.stack))
    await walk(host, page, settings.language, async (scene) => {
      if (!wanted.has(scene)) return
      await page.waitForTimeout(300)
      await page.screenshot({ path: join(out, `${look}-${scene}.png`) })
      console.log(`${look}-${scene}.png`)
    })
  } finally {
    await context.close()
    await host.stop()
    rmSync(profile, { recursive: true, force: true })
  }
}

async function walk(
  host: PlainHost,
  page: Page,
  language: Stage['language'],
  shot: (scene: string) => Promise<void>,
): Promise<void> {
  const address = `${host.origin}${path}${isLive ? '' : '?pack=tiny/tiny-retrieval/pack.json'}`
  const stage: Stage = { page, language, publish: () => publishNextVersion(host, buildFolder, path) }
  const some = (list: readonly Scene[]) => list.some(({ name }) => wanted.has(name))
  const visit = async () => {
    await page.goto(address)
    await waitForEngine(drivePlaywright(page))
  }
  if (some(firstVisit)) {
    await visit()
    for (const scene of firstVisit) {
      await clearFirstVisit(stage)
      await attempt(scene)
    }
    await page.evaluate(async (name) => void indexedDB.deleteDatabase(name), 'valley')
  }
  if (!some([opened, ...withTalks, ...live])) return
  await visit()
  await page.locator('.sample').click()
  if (isLive) await ask(stage)
  else await page.locator('.clip-progress[data-status=ready]').waitFor({ timeout: 60_000 })
  for (const { name, act } of isLive ? live.filter((scene) => wanted.has(scene.name)) : [opened]) {
    await act?.(stage)
    await shot(name)
  }
  if (!some(withTalks)) return
  await seed(page, language)
  await visit()
  for (const scene of withTalks) await attempt(scene)

  async function attempt({ name, talk, act }: Scene): Promise<void> {
    if (!wanted.has(name)) return
    try {
      if (talk) await showTalk(stage, talk)
      await act?.(stage)
      await shot(name)
    } catch (thrown) {
      if (page.isClosed()) throw thrown
      // The others can be looked at all the same.
      console.error(`${name}:`, thrown)
      process.exitCode = 1
    }
  }
}
