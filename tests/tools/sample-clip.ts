/**
 * Draws the sample clip of the first visit (public/samples): a ball rolls past a house and out of sight. Drawn on a
 * canvas by this file alone, so it is ours to ship. `node --import tsx tests/tools/sample-clip.ts`; needs ffmpeg.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { chromiumArgs, findChromium } from './chromium'

const width = 640
const height = 360
const framesPerSecond = 25
const frameCount = 8 * framesPerSecond
const pictureFrame = 136

const executablePath = findChromium()
if (!executablePath) throw new Error('no Chromium found; set CHROMIUM_PATH')
const browser = await chromium.launch({ executablePath, args: chromiumArgs })
const folder = mkdtempSync(join(tmpdir(), 'valley-sample-'))
try {
  const page = await browser.newPage()
  await page.setContent(`<canvas width="${width}" height="${height}"></canvas>`)
  await page.evaluate(drawingCode())
  for (let index = 0; index < frameCount; index++) {
    const url = await page.evaluate<string>(`draw(${index / (frameCount - 1)})`)
    writeFileSync(join(folder, `${String(index).padStart(4, '0')}.png`), Buffer.from(url.split(',')[1] ?? '', 'base64'))
  }
  const out = resolve(import.meta.dirname, '../../public/samples')
  mkdirSync(out, { recursive: true })
  const pictures = join(folder, '%04d.png')
  const video = ['-c:v', 'libvpx-vp9', '-b:v', '0', '-crf', '36', '-pix_fmt', 'yuv420p', '-g', '50', '-row-mt', '1']
  ffmpeg('-framerate', String(framesPerSecond), '-i', pictures, ...video, join(out, 'rolling-ball.webm'))
  const still = join(folder, `${String(pictureFrame).padStart(4, '0')}.png`)
  ffmpeg('-i', still, '-vf', 'scale=192:108', '-quality', '80', join(out, 'rolling-ball.webp'))
} finally {
  await browser.close()
  rmSync(folder, { recursive: true })
}

function ffmpeg(...args: string[]): void {
  execFileSync('ffmpeg', ['-y', '-v', 'error', ...args], { stdio: 'inherit' })
}

/** Runs in the page: `draw(t)` paints the moment t (0 to 1) and returns it as a PNG data URL. */
function drawingCode(): string {
  return `
    const canvas = document.querySelector('canvas')
    const c = canvas.getContext('2d')
    const fill = (style, path) => { c.fillStyle = style; c.beginPath(); path(); c.fill() }
    const circle = (x, y, r) => { c.moveTo(x + r, y); c.arc(x, y, r, 0, 2 * Math.PI) }
    const poly = (...points) => { points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y))); c.closePath() }
    function sky() {
      const g = c.createLinearGradient(0, 0, 0, 250)
      g.addColorStop(0, '#7fb9e6'); g.addColorStop(1, '#dceefa')
      c.fillStyle = g; c.fillRect(0, 0, 640, 360)
    }
    function cloud(x, y, s) {
      fill('#ffffff', () => { circle(x, y, 18 * s); circle(x + 22 * s, y - 8 * s, 22 * s); circle(x + 48 * s, y, 18 * s); c.rect(x, y, 48 * s, 18 * s) })
    }
    function hills() {
      fill('#9cc59a', () => { c.moveTo(0, 250); c.bezierCurveTo(120, 150, 220, 170, 330, 250); c.bezierCurveTo(430, 160, 560, 160, 640, 230); c.lineTo(640, 300); c.lineTo(0, 300); c.closePath() })
      fill('#5f9f58', () => c.rect(0, 244, 640, 116))
      fill('#c9b48a', () => c.rect(0, 296, 640, 40))
      fill('#b7a077', () => c.rect(0, 332, 640, 4))
    }
    function tree(x) {
      fill('#7a5230', () => c.rect(x - 6, 190, 12, 66))
      fill('#2f7a3d', () => { circle(x, 160, 38); circle(x - 26, 184, 28); circle(x + 26, 184, 28) })
    }
    function house() {
      fill('#f0dfc0', () => c.rect(250, 150, 150, 106))
      fill('#b5482f', () => poly([232, 154], [325, 86], [418, 154]))
      fill('#8a5a3a', () => c.rect(358, 100, 18, 40))
      fill('#6b3f24', () => c.rect(308, 196, 34, 60))
      fill('#9fd0ea', () => { c.rect(266, 176, 28, 28); c.rect(356, 176, 28, 28) })
      c.strokeStyle = '#ffffff'; c.lineWidth = 3
      for (const x of [266, 356]) { c.strokeRect(x, 176, 28, 28); c.beginPath(); c.moveTo(x + 14, 176); c.lineTo(x + 14, 204); c.moveTo(x, 190); c.lineTo(x + 28, 190); c.stroke() }
      fill('#f5c542', () => circle(336, 228, 2.5))
    }
    function ball(t) {
      const r = 30
      const x = -50 + 740 * t
      const hop = Math.abs(Math.sin(t * Math.PI * 6)) * 26 * (1 - t)
      const y = 318 - r - hop
      fill('rgba(60,45,20,0.28)', () => c.ellipse(x, 319, r * (1 - hop / 90), 6, 0, 0, 2 * Math.PI))
      c.save(); c.translate(x, y); c.rotate((740 * t) / r)
      fill('#d8322a', () => circle(0, 0, r))
      fill('#ffffff', () => { c.moveTo(0, 0); c.arc(0, 0, r, -0.5, 0.5); c.closePath(); c.moveTo(0, 0); c.arc(0, 0, r, Math.PI - 0.5, Math.PI + 0.5); c.closePath() })
      fill('#f5c542', () => circle(0, 0, 8))
      c.restore()
      fill('rgba(255,255,255,0.35)', () => circle(x - 10, y - 12, 7))
    }
    globalThis.draw = (t) => {
      sky()
      fill('#ffd95e', () => circle(560, 62, 30))
      cloud(70 + 40 * t, 70, 1); cloud(430 + 30 * t, 50, 0.8)
      hills(); tree(130); tree(520); house(); ball(t)
      return canvas.toDataURL('image/png')
    }`
}
