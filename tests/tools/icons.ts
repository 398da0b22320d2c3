/**
 * Draws the installed app's icons from public/icon.svg into public/icons. Run again when the drawing changes:
 * `node --import tsx tests/tools/icons.ts`.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { chromiumArgs, findChromium } from './chromium'

/** `inset`: share of the edge left to the ground, so that a mask of any shape cuts none of the drawing (web.dev/maskable-icon). */
const icons = [
  { name: 'icon-192.png', size: 192, inset: 0, ground: 'transparent' },
  { name: 'icon-512.png', size: 512, inset: 0, ground: 'transparent' },
  { name: 'maskable-512.png', size: 512, inset: 0.1, ground: '#0a6b4f' },
  { name: 'apple-touch-180.png', size: 180, inset: 0.06, ground: '#0a6b4f' },
] as const

const root = resolve(import.meta.dirname, '../../public')
const drawing = readFileSync(join(root, 'icon.svg')).toString('base64')
const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium found; set CHROMIUM_PATH')
mkdirSync(join(root, 'icons'), { recursive: true })
const browser = await chromium.launch({ executablePath, args: chromiumArgs })
try {
  const page = await browser.newPage()
  for (const { name, size, inset, ground } of icons) {
    const inner = Math.round(size * (1 - 2 * inset))
    await page.setViewportSize({ width: size, height: size })
    await page.setContent(
      `<body style="margin:0;display:grid;place-items:center;height:100vh;background:${ground}">` +
        `<img src="data:image/svg+xml;base64,${drawing}" width="${inner}" height="${inner}"></body>`,
    )
    await page.screenshot({ path: join(root, 'icons', name), omitBackground: true })
  }
} finally {
  await browser.close()
}
