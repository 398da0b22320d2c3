/** Firefox has no WebGPU headless, so the whole chain runs on its WASM route: decode, resize, tower, pooling, decoder. */
import puppeteer, { type Browser } from 'puppeteer-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ServedApp, serveApp } from '../tools/app'
import { findFirefox } from '../tools/browsers'
import { askQuestion, type Driven, drivePuppeteer, openClip, waitForEngine } from '../tools/drive'
import { clip } from './support'

let app: ServedApp
let browser: Browser
let driven: Driven

beforeAll(async () => {
  const executablePath = findFirefox()
  if (!executablePath) throw new Error('Firefox is missing: apt-get install -y firefox-esr, or set FIREFOX_PATH.')
  app = await serveApp()
  browser = await puppeteer.launch({ browser: 'firefox', executablePath, headless: true, protocolTimeout: 240_000 })
  const page = await browser.newPage()
  await page.goto(app.url)
  driven = drivePuppeteer(page)
})
afterAll(async () => {
  await browser?.close()
  await app?.close()
})

test('a clip is looked at and talked about without WebGPU', async () => {
  const engine = await waitForEngine(driven)
  if ('error' in engine) throw new Error(JSON.stringify(engine.error))
  const guitar = clip('askany_playing_guitar.mp4', 'vp9.webm')
  const { clip: encoded, errors } = await openClip(driven, guitar.path)
  expect(errors).toEqual([])
  expect(encoded).toMatchObject({ backend: 'wasm', patchTokens: 16 })
  const turn = await askQuestion(driven, 'Describe the video briefly.')
  expect(turn).toMatchObject({ status: 'done', error: null })
  expect(turn.answer.split(/\s+/).length).toBeGreaterThan(3)
  if (guitar.shared) expect(turn.answer).toMatch(/guitar|man|person|hand|music|instrument/i)
})
