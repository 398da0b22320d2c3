/** A clip taken out of a conversation, over real workers and a tiny pack: what stays, and that nothing of it is held. */
import { deleteDB } from 'idb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { Engine } from '../../src/assistant/engine'
import { startLanguage, startVision } from '../../src/assistant/workers'
import { databaseName, openDatabase } from '../../src/storage/database'
import { tinyPackUrl } from './language-tiny'
import { ask, chooseFile, composer, type Mounted, mount, restingLedgers } from './page-mount'
import { fetchFile } from './vision-support'

let mounted: Mounted | undefined
let engine: Engine

async function visit(): Promise<void> {
  const backends = { visionBackend: 'wasm', languageBackend: 'wasm', keepClips: false } as const
  engine = new Engine({ packUrl: tinyPackUrl('tiny-mean'), ...backends, startVision, startLanguage })
  engine.start()
  mounted = await mount({ engine, keeps: true })
}

/** Object URLs that were made since and not revoked. */
function liveUrls(): ReadonlySet<string> {
  const live = new Set<string>()
  const { createObjectURL, revokeObjectURL } = URL
  vi.spyOn(URL, 'createObjectURL').mockImplementation((source) => {
    const url = createObjectURL.call(URL, source)
    live.add(url)
    return url
  })
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation((url) => {
    live.delete(url)
    revokeObjectURL.call(URL, url)
  })
  return live
}

const statuses = () => mounted?.session.transcript().turns.map(({ status }) => status)
const looked = () => expect.element(page.getByText(/frames looked at/)).toBeVisible()
const question = () => page.getByRole('alertdialog')
const removeButton = () => page.getByRole('button', { name: 'Remove the clip from this conversation' })

beforeEach(async () => {
  localStorage.clear()
  sessionStorage.clear()
  await deleteDB(databaseName)
  await page.viewport(1280, 800)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await mounted?.close()
  mounted = undefined
})

test('answers stay with its name; tokens, player, pictures and the kept copy are let go of', async () => {
  await visit()
  const live = liveUrls()
  await expect.poll(() => [engine.state.vision.status, engine.state.language.status]).toEqual(['ready', 'ready'])
  const atRest = await restingLedgers(engine)
  await chooseFile(await fetchFile('/tests/fixtures/clips/vp9.webm'))
  await looked()
  // Nothing was asked about it: closing takes it away.
  await expect.element(removeButton()).not.toBeInTheDocument()
  await ask('what is it')
  await expect.poll(statuses).toEqual(['done'])
  expect(await engine.ledgers()).not.toEqual(atRest)
  expect(live.size).toBeGreaterThan(0)

  ;(removeButton().element() as HTMLElement).focus()
  await userEvent.keyboard('{Enter}')
  await expect.element(question().getByText('Remove vp9.webm from this conversation?')).toBeVisible()
  await userEvent.keyboard('{Escape}')
  await expect.element(question()).not.toBeInTheDocument()
  await expect.element(removeButton()).toHaveFocus()
  await userEvent.keyboard('{Enter}')
  await question().getByRole('button', { name: 'Remove' }).click()

  await expect.element(page.getByRole('heading', { name: 'About vp9.webm' })).toBeVisible()
  await expect.element(composer()).toHaveFocus()
  await expect.element(page.getByLabelText('Choose a file')).toBeInTheDocument()
  await expect.poll(() => engine.ledgers()).toEqual(atRest)
  await expect.poll(() => [...live]).toEqual([])

  const [turn] = mounted?.session.transcript().turns ?? []
  await mounted?.close()
  const database = await openDatabase(() => {})
  const left = await Promise.all((['clips', 'frames', 'files'] as const).map((name) => database.count(name)))
  database.close()
  expect(left).toEqual([0, 0, 0])
  await visit()
  await expect.element(page.getByRole('heading', { name: 'About vp9.webm' })).toBeVisible()
  expect(mounted?.session.transcript().turns[0]?.answer).toBe(turn?.answer)
})
