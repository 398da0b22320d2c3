/** Two tabs of the product: one has the engine, the other says so and takes it; what a clip became is known to both. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askQuestion, drivePlaywright, openClip, waitForEngine } from '../tools/drive'
import { keptClips } from '../tools/storage'
import { clip, type Running, startApp } from './support'

let first: Running
beforeAll(async () => {
  first = await startApp()
})
afterAll(() => first?.close())

const elsewhere = 'Valley is open in another tab, and the model runs there.'

test('the engine moves to the second tab and back, and nothing is done twice', async () => {
  const { path } = clip('askany_jesse_dance.mp4', 'vp9.webm')
  const opened = await openClip(first.driven, path)
  expect(opened.clip?.fromCache).toBe(false)
  const before = await askQuestion(first.driven, 'What is happening?')
  await expect.poll(() => keptClips(first.page)).toBe(1)

  const page = await first.browser.context.newPage()
  await page.goto(first.app.url)
  await page.getByText(elsewhere).waitFor()
  expect(await page.locator('.engine-status').textContent()).toContain('In another tab')
  await page.getByRole('button', { name: 'Use it here' }).click()
  const second = drivePlaywright(page)
  expect(await waitForEngine(second)).not.toHaveProperty('error')
  await first.page.getByText(elsewhere).waitFor()
  const again = await openClip(second, path)
  expect(again.clip).toMatchObject({ fromCache: true, contentHash: opened.clip?.contentHash, timings: { encode: 0 } })
  const after = await askQuestion(second, 'What is happening?')
  expect(after.answer).toBe(before.answer)

  await page.close()
  expect(await waitForEngine(first.driven)).not.toHaveProperty('error')
  const back = await askQuestion(first.driven, 'Is anybody outdoors?')
  expect(back).toMatchObject({ status: 'done', error: null })
  expect(first.pageErrors).toEqual([])
})
