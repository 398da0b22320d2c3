/** Conversations in a real browser with real storage, over stand-in workers: several clips, reload, rail, lost files. */
import { deleteDB } from 'idb'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { ConversationStore } from '../../src/storage/conversation-store'
import { databaseName, openDatabase } from '../../src/storage/database'
import { ValleyError } from '../../workers/protocol'
import { answer, ask, chooseFile, composer, film, type Mounted, mount } from './page-mount'
import type { Mishaps } from './page-stand-in'

let mounted: Mounted | undefined

beforeEach(async () => {
  localStorage.clear()
  sessionStorage.clear()
  await deleteDB(databaseName)
  await page.viewport(1280, 800)
})
afterEach(async () => {
  await mounted?.close()
  mounted = undefined
})

async function visit(mishaps: Mishaps = {}): Promise<Mounted> {
  await mounted?.close()
  mounted = await mount({ mishaps, keeps: true })
  return mounted
}

const rail = () => page.getByRole('navigation', { name: 'Conversations' })
const inRail = (title: string) => rail().getByRole('button', { name: title, exact: true })
const tabs = () => page.getByRole('list', { name: 'Clips of this conversation' })
const clipName = (name: string) => page.getByRole('heading', { level: 1, name })
const menu = async (title: string, item: string) => {
  await rail()
    .getByRole('button', { name: `Options for ${title}` })
    .click()
  await page.getByRole('menuitem', { name: item }).click()
}

describe('several clips', () => {
  test('files dropped together become clips of one conversation, and each is asked about by itself', async () => {
    await visit()
    await chooseFile([film('one.mp4'), film('two.mp4')])
    await expect.element(clipName('one.mp4')).toBeVisible()
    await ask('about one')
    await expect.element(answer('ABOUT ONE')).toBeVisible()
    await tabs().getByRole('button', { name: 'two.mp4' }).click()
    await expect.element(clipName('two.mp4')).toBeVisible()
    await ask('about two')
    await expect.element(answer('ABOUT TWO')).toBeVisible()
    await expect.element(answer('ABOUT ONE')).toBeVisible()
    await expect.element(page.getByRole('heading', { name: 'About two.mp4' })).toBeVisible()
  })

  test('a pasted picture is one of them; a picture beside pasted text is not', async () => {
    await visit()
    const clipboardData = new DataTransfer()
    clipboardData.items.add(new File(['x'], 'image.png', { type: 'image/png' }))
    const paste = (target: Element) =>
      target.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    paste(document.body)
    await expect.element(clipName('image.png')).toBeVisible()
    clipboardData.items.add('some words', 'text/plain')
    const field = document.querySelector('textarea')
    if (field) paste(field)
    expect(mounted?.session.getState().clips.order).toHaveLength(1)
  })
})

describe('reload', () => {
  test('brings back the chat, the clips and what was shown; the clip can be asked about at once', async () => {
    await visit()
    await chooseFile([film('one.mp4'), film('two.mp4')])
    await ask('before')
    await expect.element(answer('BEFORE')).toBeVisible()
    await expect.poll(() => mounted?.log.filter((line) => line.startsWith('encoded')).length).toBe(2)
    const { log } = await visit()
    await expect.element(answer('BEFORE')).toBeVisible()
    await expect.element(clipName('one.mp4')).toBeVisible()
    await expect.element(tabs().getByRole('button', { name: 'two.mp4' })).toBeVisible()
    await ask('after')
    await expect.element(answer('AFTER')).toBeVisible()
    // The other clip is opened when it is chosen, not before.
    expect(log.filter((line) => line.startsWith('encoded'))).toHaveLength(1)
  })

  test('what the person does is stored without waiting for anything else', async () => {
    const never = 2 ** 31 - 1
    mounted = await mount({ keeps: true, delay: never })
    const { id } = mounted.session.getState().conversation
    const database = await openDatabase(() => {})
    const store = new ConversationStore(database)
    const stored = async () => {
      const talk = await store.load(id)
      const clips = talk?.clips.order.map((clip) => talk.clips.clips[clip]?.name)
      return { name: talk?.name, clips, questions: talk?.chat.turns.map(({ question }) => question) }
    }
    try {
      // Without a clip no answer comes that would be written, and the rest with it.
      await ask('where is it')
      await expect.poll(stored).toEqual({ name: null, clips: [], questions: ['where is it'] })
      await menu('where is it', 'Rename')
      await userEvent.keyboard('Found{Enter}')
      await expect.poll(stored).toMatchObject({ name: 'Found' })
      await chooseFile([film('one.mp4'), film('two.mp4')])
      await expect.poll(stored).toMatchObject({ clips: ['one.mp4', 'two.mp4'] })
      await expect.poll(() => database.count('files')).toBe(2)
      await page.getByRole('button', { name: 'Start over' }).click()
      await page.getByRole('alertdialog').getByRole('button', { name: 'Start over' }).click()
      await expect.poll(stored).toMatchObject({ questions: [] })
    } finally {
      store.close()
    }
  })

  test('a file is kept before it was looked at, and goes again where it is refused', async () => {
    let refuse = (_: ValleyError) => {}
    const refusal = new Promise<ValleyError>((resolve) => {
      refuse = resolve
    })
    await visit({ vision: [refusal] })
    await chooseFile(film('letter.txt'))
    const database = await openDatabase(() => {})
    try {
      await expect.poll(() => database.count('files')).toBe(1)
      refuse(new ValleyError('not-a-video'))
      await expect.element(page.getByRole('alert').getByText(/letter\.txt/)).toBeVisible()
      await expect.poll(() => database.count('files')).toBe(0)
    } finally {
      database.close()
    }
  })

  test('a question not sent yet is there too, each in its conversation', async () => {
    await visit()
    await composer().fill('before there is a clip')
    await visit()
    await expect.element(composer()).toHaveValue('before there is a clip')
    await chooseFile(film('one.mp4'))
    await composer().fill('half a thou')
    await rail().getByRole('button', { name: 'New conversation' }).click()
    await expect.element(composer()).toHaveValue('')
    await inRail('one.mp4').click()
    await expect.element(composer()).toHaveValue('half a thou')
    await visit()
    await expect.element(composer()).toHaveValue('half a thou')
    await userEvent.click(composer())
    await userEvent.keyboard('{Enter}')
    await expect.element(answer('HALF A THOU')).toBeVisible()
    await visit()
    await expect.element(answer('HALF A THOU')).toBeVisible()
    await expect.element(composer()).toHaveValue('')
  })

  test('half an answer survives, as if it had been stopped', async () => {
    await visit()
    await chooseFile(film())
    await ask('endless')
    await expect.element(page.getByText(/on and on and/).first()).toBeVisible()
    // Written about once a second; a crash leaves what was written last.
    const id = mounted?.session.getState().conversation.id ?? ''
    const store = new ConversationStore(await openDatabase(() => {}))
    await expect.poll(async () => (await store.load(id))?.chat.turns[0]?.answer).toMatch(/^on and on and/)
    store.close()
    const crashed = mounted
    mounted = await mount({ keeps: true })
    await expect.poll(() => mounted?.session.transcript().turns[0]?.status).toBe('stopped')
    expect(mounted.session.transcript().turns[0]?.answer).toMatch(/^on and on and/)
    await crashed?.close()
  })

  test('a clip whose copy is gone says so; the chat stays, and the file can be chosen again', async () => {
    await visit()
    await chooseFile(film())
    await ask('before')
    await expect.element(answer('BEFORE')).toBeVisible()
    await mounted?.close()
    mounted = undefined
    const database = await openDatabase(() => {})
    await expect.poll(() => database.count('files')).toBe(1)
    await database.clear('files')
    database.close()
    await visit()
    await expect.element(page.getByText(/is not where it was/)).toBeVisible()
    await expect.element(answer('BEFORE')).toBeVisible()
    await userEvent.upload(page.getByLabelText('Choose the file again'), film())
    await ask('after')
    await expect.element(answer('AFTER')).toBeVisible()
    await expect.element(page.getByText('2 frames looked at')).toBeVisible()
  })

  test('a clip that can no longer be read is kept in its place', async () => {
    await visit()
    await chooseFile(film())
    await ask('before')
    await expect.element(answer('BEFORE')).toBeVisible()
    // Neither the file nor what was kept of it.
    await visit({ vision: [new ValleyError('file-unreadable'), new ValleyError('file-unreadable')] })
    await expect.element(page.getByRole('alert').getByText(/can no longer be read/)).toBeVisible()
    await expect.element(page.getByLabelText('Choose the file again')).toBeInTheDocument()
    await expect.element(answer('BEFORE')).toBeVisible()
  })
})

test('an edited question is asked in its place, and what followed goes when the new answer begins', async () => {
  await visit()
  await chooseFile(film())
  await ask('one')
  await expect.element(answer('ONE')).toBeVisible()
  await ask('two')
  await expect.element(answer('TWO')).toBeVisible()
  await page.getByRole('button', { name: 'Edit the question' }).first().click()
  const field = page.getByRole('textbox', { name: 'Edit the question' })
  await expect.element(page.getByText(/^The question after it goes away/)).toBeVisible()
  await userEvent.keyboard('{Escape}')
  await expect.element(field).not.toBeInTheDocument()
  await page.getByRole('button', { name: 'Edit the question' }).first().click()
  await field.fill('three')
  await userEvent.keyboard('{Enter}')
  await expect.element(answer('THREE')).toBeVisible()
  await expect.element(answer('ONE')).not.toBeInTheDocument()
  await expect.element(answer('TWO')).not.toBeInTheDocument()
})

describe('the rail', () => {
  test('lists conversations, goes from one to another and begins a new one', async () => {
    await visit()
    await expect.element(rail()).not.toBeInTheDocument()
    await chooseFile(film('one.mp4'))
    await ask('the first')
    await expect.element(answer('THE FIRST')).toBeVisible()
    await rail().getByRole('button', { name: 'New conversation' }).click()
    await expect.element(page.getByLabelText('Choose a file')).toBeInTheDocument()
    await chooseFile(film('two.mp4'))
    await ask('the second')
    await expect.element(answer('THE SECOND')).toBeVisible()
    await inRail('the first').click()
    await expect.element(answer('THE FIRST')).toBeVisible()
    await expect.element(answer('THE SECOND')).not.toBeInTheDocument()
    await expect.element(clipName('one.mp4')).toBeVisible()
    await expect.element(inRail('the first')).toHaveAttribute('aria-current', 'true')
  })

  test('renames, finds and deletes, each of them for good', async () => {
    await visit()
    await chooseFile(film('one.mp4'))
    await ask('is there a needle')
    await expect.element(answer('IS THERE A NEEDLE')).toBeVisible()
    await menu('is there a needle', 'Rename')
    await expect.element(rail().getByRole('textbox', { name: 'Name of the conversation' })).toHaveFocus()
    await userEvent.keyboard('Haystack{Enter}')
    await expect.element(inRail('Haystack')).toBeVisible()
    await rail().getByRole('button', { name: 'New conversation' }).click()
    await chooseFile(film('two.mp4'))
    await ask('something else')
    await expect.element(answer('SOMETHING ELSE')).toBeVisible()

    await rail().getByRole('textbox', { name: 'Search conversations' }).fill('NEEDLE')
    await expect.element(rail().getByText('1 conversation found')).toBeVisible()
    await expect.element(inRail('something else')).not.toBeInTheDocument()
    await expect.element(inRail('Haystack')).toBeVisible()
    await userEvent.keyboard('{Escape}')
    await expect.element(inRail('something else')).toBeVisible()

    await menu('something else', 'Delete')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await expect.element(inRail('something else')).not.toBeInTheDocument()
    await expect.element(answer('SOMETHING ELSE')).not.toBeInTheDocument()
    await visit()
    await expect.element(inRail('Haystack')).toBeVisible()
    await expect.element(inRail('something else')).not.toBeInTheDocument()
  })

  test('is a drawer where there is no room beside the clip', async () => {
    await page.viewport(414, 800)
    await visit()
    await chooseFile(film('one.mp4'))
    await ask('the first')
    await expect.element(answer('THE FIRST')).toBeVisible()
    await expect.element(rail()).not.toBeInTheDocument()
    await page.getByRole('button', { name: 'Conversations' }).click()
    const drawer = page.getByRole('dialog', { name: 'Conversations' })
    await drawer.getByRole('button', { name: 'New conversation' }).click()
    await expect.element(drawer).not.toBeInTheDocument()
    await expect.element(answer('THE FIRST')).not.toBeInTheDocument()
  })
})
