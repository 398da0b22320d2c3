/** A pack without a text tower and without an answer search, as those of the hub are: what needs either is not offered. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page } from 'vitest/browser'
import { answer, ask, chooseFile, film, type Mounted, mount } from './page-mount'

let mounted: Mounted
beforeEach(() => localStorage.clear())
afterEach(() => mounted.close())

/** Everything that may be missing: shown with a pack that has it, and not with one that has not. */
async function look(): Promise<{ readonly finds: boolean; readonly evidence: boolean; readonly searches: boolean }> {
  await page.viewport(1280, 800)
  await chooseFile(film())
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
  await ask('show the second thing')
  await expect.element(answer('SHOW THE SECOND THING')).toBeVisible()
  // A question that came after would have its answer after the evidence for this one was looked for.
  await ask('and now?')
  await expect.element(answer('AND NOW?')).toBeVisible()
  const finds = page.getByRole('searchbox', { name: 'Find a moment' }).query() !== null
  const evidence = page.getByRole('list', { name: 'Nearest frames' }).query() !== null
  await page.getByRole('button', { name: 'Settings' }).click()
  await expect.element(page.getByRole('dialog')).toBeVisible()
  const searches = page.getByText('Answer search', { exact: true }).query() !== null
  return { finds, evidence, searches }
}

test('it is asked as any other; no box for moments, no evidence, no answer search, and no error', async () => {
  mounted = await mount({ mishaps: { plain: true } })
  expect(await look()).toEqual({ finds: false, evidence: false, searches: false })
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument()
})

test('a pack that has them offers them', async () => {
  mounted = await mount()
  expect(await look()).toEqual({ finds: true, evidence: true, searches: true })
})
