/** Models and storage in the settings: what is on offer and kept, and that it goes when it is told to. */
import { deleteDB } from 'idb'
import { afterEach, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { deleteKept, measureKept } from '../../src/packs/kept'
import { databaseName } from '../../src/storage/database'
import { keptFolders, packFilesCache } from '../../workers/protocol'
import { emptyStorage } from './kept-storage'
import { answer, ask, chooseFile, type Mounted, mount } from './page-mount'

let mounted: Mounted | undefined
afterEach(async () => {
  await mounted?.close()
  mounted = undefined
})

const root = () => navigator.storage.getDirectory()
async function put(folder: string, name: string, bytes: number): Promise<void> {
  const handle = await (await root()).getDirectoryHandle(folder, { create: true })
  const writable = await (await handle.getFileHandle(name, { create: true })).createWritable()
  await writable.write(new Uint8Array(bytes))
  await writable.close()
}
async function putAll(): Promise<void> {
  await put(keptFolders.clips, 'a', 100)
  await put(keptFolders.prefixes, 'b', 1000)
  await put(keptFolders.derived, 'c', 20_000)
  await put(keptFolders.partial, 'd', 300)
  await (await caches.open(packFilesCache)).put('/valley-files/e', new Response(new Uint8Array(4000)))
  await (await caches.open('shell')).put('/index', new Response('0123456789'))
}

test('every byte is counted by kind, and deleted by kind', async () => {
  await emptyStorage()
  await putAll()
  const { kinds, quota } = await measureKept()
  expect(kinds).toMatchObject({ clips: 1100, weights: 20_000, packs: 4300, shell: 10, imported: 0 })
  expect(quota).toBeGreaterThan(0)
  await deleteKept(['clips', 'packs'])
  expect((await measureKept()).kinds).toMatchObject({ clips: 0, weights: 20_000, packs: 0, shell: 10 })
  await deleteKept(['weights', 'shell', 'clips'])
  expect((await measureKept()).kinds).toMatchObject({ clips: 0, weights: 0, packs: 0, shell: 0 })
})

test('copies of clips are listed by name and conversation, each can be deleted, and the sum is what the browser counts', async () => {
  await deleteDB(databaseName)
  mounted = await mount({ keeps: true })
  await chooseFile([new File([new Uint8Array(300_000)], 'one.mp4'), new File([new Uint8Array(90_000)], 'two.mp4')])
  await ask('what is it')
  await expect.element(answer('WHAT IS IT')).toBeVisible()
  await expect
    .poll(async () => (await measureKept()).copies)
    .toMatchObject([
      { clip: 'one.mp4', conversation: 'what is it', bytes: 300_000 },
      { clip: 'two.mp4', conversation: 'what is it', bytes: 90_000 },
    ])
  expect((await measureKept()).kinds.copies).toBe(390_000)
  // Words may be written between the two counts.
  const difference = async () => {
    const { kinds, rest } = await measureKept()
    const { usage = 0 } = await navigator.storage.estimate()
    const listed = Object.values(kinds).reduce((sum, bytes) => sum + bytes, rest)
    // Settings are the only thing that the browser does not count.
    return Math.abs(listed - kinds.settings - usage) / usage
  }
  await expect.poll(difference).toBeLessThan(0.01)

  await page.getByRole('button', { name: 'Settings' }).click()
  const dialog = page.getByRole('dialog')
  await expect.element(dialog.getByRole('button', { name: 'Ask the browser to keep it' })).toBeVisible()
  await dialog.getByRole('button', { name: '2 copies' }).click()
  await dialog.getByRole('button', { name: 'Delete the copy of one.mp4' }).click()
  const question = page.getByRole('alertdialog')
  await expect.element(question.getByText(/recorded here, it is gone for good/)).toBeVisible()
  await question.getByRole('button', { name: 'Delete' }).click()
  await expect.element(dialog.getByRole('button', { name: '1 copy' })).toBeVisible()
  expect((await measureKept()).copies).toMatchObject([{ clip: 'two.mp4' }])
  await deleteKept(['copies'])
  expect((await measureKept()).kinds.copies).toBe(0)
  await userEvent.keyboard('{Escape}')
  await expect.element(answer('WHAT IS IT')).toBeVisible()
})

test('the settings show the models and what is kept; a kind is deleted after a question', async () => {
  await putAll()
  mounted = await mount()
  await page.getByRole('button', { name: 'Settings' }).click()
  const dialog = page.getByRole('dialog')
  await expect.element(dialog.getByText(/Valley nano/).first()).toBeVisible()
  await expect.element(dialog.getByRole('list', { name: 'Storage' })).toBeVisible()
  const remove = dialog.getByRole('button', { name: 'Delete: What was seen in clips' })
  await remove.click()
  const question = page.getByRole('alertdialog')
  await question.getByRole('button', { name: 'Cancel' }).click()
  expect((await measureKept()).kinds.clips).toBe(1100)
  await remove.click()
  await question.getByRole('button', { name: 'Delete' }).click()
  await expect.element(remove).toBeDisabled()
  expect((await measureKept()).kinds.clips).toBe(0)
  await userEvent.keyboard('{Escape}')
})
