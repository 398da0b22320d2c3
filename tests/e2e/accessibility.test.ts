/** Every screen, on a desktop and on a phone, light and dark, in both languages: axe, motion, room, touch, words. */
import { afterEach, beforeAll, expect, test } from 'vitest'
import { createI18n, type Language, languages } from '../../src/app/i18n'
import { ensureBuild, type OpenBrowser, openBrowser } from '../tools/app'
import { recordingArgs } from '../tools/chromium'
import type { PlainHost } from '../tools/plain-host'
import { axePath, latinWords, motion, overflow, smallTargets, unhintedFields, violations } from './screen-checks'
import { type Visit, walkScreens } from './screens'
import { startTinyHost } from './support'

let host: PlainHost | undefined
let browser: OpenBrowser | undefined
beforeAll(ensureBuild)
afterEach(async () => {
  await browser?.close()
  await host?.stop()
})

type Device = { readonly language: Language; readonly width: number; readonly height: number; readonly touch: boolean }
const desktop = { language: 'en', width: 1280, height: 800, touch: false } as const
const tablet = { width: 820, height: 1180 } as const
const phone = { language: 'zh-CN', width: 390, height: 844, touch: true } as const

/** Walks all screens; gives what `check` finds on each, and how many there were. */
async function walk(device: Device, check: Visit<string[]>): Promise<{ screens: number; found: string[] }> {
  const { language, width, height, touch } = device
  host = await startTinyHost()
  browser = await openBrowser({ viewport: { width, height }, locale: language, touch, args: recordingArgs })
  await browser.context.addInitScript({ path: axePath })
  const page = await browser.context.newPage()
  const seen: string[] = []
  const found: string[] = []
  const visit: Visit = async (screen, shown) => {
    await shown.emulateMedia({ reducedMotion: 'reduce' })
    seen.push(screen)
    found.push(...(await check(screen, shown)).map((line) => `${screen}: ${line}`))
  }
  const { t } = await createI18n(language)
  await walkScreens({ page, host, t, wide: width >= 1200 }, visit).catch((thrown) =>
    // What was found on the way is worth reading too.
    found.push(`no way on from "${seen.at(-1)}": ${thrown}`),
  )
  return { screens: seen.length, found }
}

test('on a desktop, in English; at 200 % and on a tablet nothing is out of reach', async () => {
  const { screens, found } = await walk(desktop, async (_screen, page) => [
    ...(await violations(page)),
    ...(await motion(page)),
    ...(await overflow(page, desktop.width / 2, desktop.height / 2)),
    ...(await overflow(page, tablet.width, tablet.height)),
  ])
  expect(found).toEqual([])
  expect(screens).toBeGreaterThan(20)
})

/** What has no Chinese name: products, formats, files, licences, numbers with units, the names of languages. */
const names = [
  /^Valley$/,
  new RegExp(`^(${Object.values(languages).join('|')})$`),
  /^[\d., ]+(kB|MB|GB)( |$)/,
  /^[\w .-]+\.(webm|jpg|mp4)( · Valley)?$/,
  /^(Tiny random pack, mean pooling|Valley nano) [\d.]+$/,
  /^(SmolVLM2|LLaVA-OneVision|LFM2-VL|FastVLM)[\w .-]*$/,
  /^[\w-]+\/[\w.-]+$/,
  /^@[0-9a-f]{7}$/,
]

test('on a phone, in Chinese; fingers find everything, and 320 px are enough', async () => {
  const { screens, found } = await walk(phone, async (_screen, page) => [
    ...(await violations(page)),
    ...(await smallTargets(page)),
    ...(await unhintedFields(page)),
    ...(await latinWords(page, names)),
    ...(await overflow(page, 320, 568)),
  ])
  expect(found).toEqual([])
  expect(screens).toBeGreaterThan(20)
})
