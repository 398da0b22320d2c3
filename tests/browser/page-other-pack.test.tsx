/** A conversation that is opened with another pack than it was begun with, over real workers and the tiny packs. */
import { deleteDB } from 'idb'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page } from 'vitest/browser'
import { Engine } from '../../src/assistant/engine'
import { startLanguage, startVision } from '../../src/assistant/workers'
import { databaseName } from '../../src/storage/database'
import { emptyStorage, recordsKept } from './kept-storage'
import { tinyPackUrl } from './language-tiny'
import { ask, chooseFile, type Mounted, mount } from './page-mount'
import { fetchFile } from './vision-support'

const [before, now] = ['Tiny random pack, mean pooling 0.1.0', 'Tiny random pack, importance pooling 0.1.0']
const looksAgain = `Looked at by ${before} before, and now being looked at again by ${now}. The answers so far stay.`

let mounted: Mounted | undefined
let engine: Engine

async function visit(pack: string): Promise<void> {
  await mounted?.close()
  const backends = { visionBackend: 'wasm', languageBackend: 'wasm' } as const
  engine = new Engine({ packUrl: tinyPackUrl(pack), ...backends, startVision, startLanguage })
  engine.start()
  mounted = await mount({ engine, keeps: true })
}

/** All that the notice has said since. The tiny packs look at a clip quickly. */
function watchNotice(): Set<string> {
  const said = new Set<string>()
  new MutationObserver(() => {
    const text = document.querySelector('.pack-notice p')?.textContent
    if (text) said.add(text)
  }).observe(document.body, { subtree: true, childList: true })
  return said
}

const answered = (count: number) =>
  expect.poll(() => mounted?.session.transcript().turns.map(({ status }) => status)).toEqual(Array(count).fill('done'))
const looked = () => expect.element(page.getByText(/frames looked at/)).toBeVisible()
const figuresOf = (turn: number) => page.getByRole('button', { name: 'Figures' }).nth(turn)

beforeEach(async () => {
  localStorage.clear()
  sessionStorage.clear()
  await deleteDB(databaseName)
  await emptyStorage()
  await page.viewport(1280, 800)
})
afterEach(async () => {
  await mounted?.close()
  mounted = undefined
})

test('says so and looks at the clip again; answers keep the pack that gave them', async () => {
  await visit('tiny-mean')
  await chooseFile(await fetchFile('/tests/fixtures/clips/vp9.webm'))
  await ask('one')
  await answered(1)
  await recordsKept('clips', 1)

  const said = watchNotice()
  await visit('tiny-importance')
  await looked()
  expect([...said]).toEqual([looksAgain])
  await expect.element(page.getByText(looksAgain)).not.toBeInTheDocument()
  await ask('two')
  await answered(2)
  for (const [turn, name] of [before, now].entries()) {
    await figuresOf(turn).click()
    await expect.element(page.getByText(name, { exact: true })).toBeVisible()
  }

  // Both packs know the clip by now: nothing is looked at again, and nothing is said.
  said.clear()
  await visit('tiny-mean')
  await looked()
  expect([...said]).toEqual([])
  expect(mounted?.session.transcript().clip?.fromCache).toBe(true)
})

test('says so where the pack is changed while the conversation is open', async () => {
  await visit('tiny-mean')
  await chooseFile(await fetchFile('/tests/fixtures/clips/vp9.webm'))
  await looked()
  const said = watchNotice()
  // As src/main.tsx does it: at the engine's first word of the other pack, before a worker has begun anew.
  const packUrl = tinyPackUrl('tiny-importance')
  const stop = engine.subscribe(() => {
    if (engine.state.packUrl !== packUrl) return
    stop()
    mounted?.session.packChanged()
  })
  await engine.changePack(packUrl)
  await expect.poll(() => [...said]).toEqual([looksAgain])
  await looked()
})
