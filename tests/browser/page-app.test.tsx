/** The screens in a real browser, over stand-in workers: what a person sees and does from first visit to answer. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Locator, page, userEvent } from 'vitest/browser'
import type { Session } from '../../src/app/session'
import { SettingsStore } from '../../src/app/settings'
import { ValleyError } from '../../workers/protocol'
import { answer, chooseFile, composer, film, type Mounted, mount } from './page-mount'
import type { Mishaps } from './page-stand-in'

let mounted: Mounted | undefined

beforeEach(async () => {
  localStorage.clear()
  await page.viewport(1280, 800)
})
afterEach(async () => {
  await mounted?.close()
  document.body.replaceChildren()
})

async function open(mishaps: Mishaps = {}): Promise<Session> {
  mounted = await mount({ mishaps })
  return mounted.session
}

const textOf = (locator: Locator) => expect.poll(() => locator.element().textContent)

describe('from first visit to answer', () => {
  test('a question asked first waits for a clip and is answered when there is one', async () => {
    await open()
    await textOf(page.getByRole('heading', { level: 1 })).toContain('Open a clip')
    await composer().fill('who is it?')
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByText(/^Waiting for a clip/)).toBeVisible()
    await chooseFile(film())
    await expect.element(answer('WHO IS IT?')).toBeVisible()
    await expect.element(page.getByText('2 frames looked at')).toBeVisible()
    await expect.element(page.getByRole('status').filter({ hasText: /^WHO IS IT\?$/ })).toBeInTheDocument()
    expect(document.title).toBe('holiday.mp4 · Valley')
  })

  test('Shift and Enter begin a new line, and an input method keeps its Enter', async () => {
    const session = await open()
    await composer().click()
    await userEvent.keyboard('one{Shift>}{Enter}{/Shift}two')
    await expect.element(composer()).toHaveValue('one\ntwo')
    const composing = new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })
    composer().element().dispatchEvent(composing)
    expect(session.transcript().turns).toEqual([])
    await userEvent.keyboard('{Enter}')
    expect(session.transcript().turns[0]?.question).toBe('one\ntwo')
    await expect.element(composer()).toHaveValue('')
  })

  test('Enter takes the question at once; the chat is drawn after, when the page was free for another key', async () => {
    const session = await open()
    await chooseFile(film())
    // With the first question comes the code that draws them.
    await page.getByRole('button', { name: 'What is happening?' }).click()
    await expect.element(page.getByRole('button', { name: 'Ask again' })).toBeVisible()
    await composer().fill('who is it?')
    const enter = new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true })
    composer().element().dispatchEvent(enter)
    expect(session.transcript().turns[1]?.question).toBe('who is it?')
    // What React draws at one go comes in this task's microtasks.
    await new Promise<void>(queueMicrotask)
    expect(composer().element()).toHaveProperty('value', '')
    expect(document.querySelectorAll('.turn')).toHaveLength(1)
    await expect.element(answer('WHO IS IT?')).toBeVisible()
  })

  test('stop stands where send stood, keeps the text, and asking again is offered', async () => {
    await open()
    await chooseFile(film())
    // The clip takes its place before the button is measured.
    await expect.element(page.getByText('2 frames looked at')).toBeVisible()
    const send = page.getByRole('button', { name: 'Send' }).element().getBoundingClientRect()
    await composer().fill('endless')
    await userEvent.keyboard('{Enter}')
    await expect.element(page.getByText(/on and on and/).first()).toBeVisible()
    const stop = page.getByRole('button', { name: 'Stop' })
    expect(stop.element().getBoundingClientRect().x).toBe(send.x)
    await stop.click()
    await expect.element(page.getByText('Stopped.', { exact: true }).first()).toBeVisible()
    await expect.element(page.getByText(/on and on and/).first()).toBeVisible()
    await expect.element(page.getByRole('button', { name: 'Ask again' })).toBeVisible()
  })

  test('the scenes that the model was reminded of are a detail of the answer', async () => {
    await open()
    await chooseFile(film())
    await page.getByRole('button', { name: 'What is happening?' }).click()
    const detail = page.getByRole('button', { name: 'Similar scenes' })
    await expect.element(detail).toHaveAttribute('aria-expanded', 'false')
    await expect.element(page.getByText('A dog runs.')).not.toBeInTheDocument()
    await detail.click()
    await expect.element(page.getByText('A dog runs.')).toBeVisible()
    await expect.element(page.getByText(/reminded of these captions/)).toBeVisible()
  })

  test('starting over asks first, then leaves the clip alone', async () => {
    await open()
    await chooseFile(film())
    await page.getByRole('button', { name: 'What is happening?' }).click()
    await expect.element(answer('WHAT IS HAPPENING?')).toBeVisible()
    await page.getByRole('button', { name: 'Start over' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Start over' }).click()
    await expect.element(answer('WHAT IS HAPPENING?')).not.toBeInTheDocument()
    await expect.element(page.getByRole('heading', { name: 'holiday.mp4' })).toBeVisible()
  })
})

describe('files', () => {
  test('a refused file is named in a sentence that can be dismissed; the chat stays', async () => {
    const mishaps: Mishaps = { vision: [] }
    await open(mishaps)
    await chooseFile(film())
    await page.getByRole('button', { name: 'What is happening?' }).click()
    await expect.element(answer('WHAT IS HAPPENING?')).toBeVisible()
    mishaps.vision?.push(new ValleyError('codec-unsupported', { codec: 'hvc1.2.4.L120', container: 'MP4' }))
    await userEvent.upload(page.getByLabelText('Open another clip'), new File(['y'], 'phone.mp4'))
    const alert = page.getByRole('alert')
    await textOf(alert).toContain('phone.mp4 is 10-bit HEVC (H.265) in MP4,')
    await alert.getByRole('button', { name: 'Dismiss' }).click()
    await textOf(alert).toBe('')
    await expect.element(page.getByRole('heading', { name: 'holiday.mp4' })).toBeVisible()
    await expect.element(answer('WHAT IS HAPPENING?')).toBeVisible()
  })

  test('while a file is dragged the window says what a drop will do, and takes it', async () => {
    await open()
    await expect.element(page.getByRole('heading', { level: 1 })).toBeVisible()
    const transfer = new DataTransfer()
    transfer.items.add(film())
    const drag = (type: string) =>
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }))
    drag('dragenter')
    await expect.element(page.getByText('Drop to open it here')).toBeVisible()
    drag('dragleave')
    await expect.element(page.getByText('Drop to open it here')).not.toBeInTheDocument()
    drag('dragenter')
    drag('drop')
    await expect.element(page.getByRole('heading', { name: 'holiday.mp4' })).toBeVisible()
    await expect.element(page.getByText('Drop to open it here')).not.toBeInTheDocument()
  })

  test('arrow keys walk the strip of sampled frames, one tab stop in all', async () => {
    await open()
    await chooseFile(film())
    const first = page.getByRole('button', { name: 'Go to 0:00' })
    const second = page.getByRole('button', { name: 'Go to 0:01' })
    await expect.element(second).toBeVisible()
    ;(first.element() as HTMLElement).focus()
    await userEvent.keyboard('{ArrowRight}')
    await expect.element(second).toHaveFocus()
    await expect.element(first).toHaveAttribute('tabindex', '-1')
    await userEvent.keyboard('{Enter}')
    await expect.element(second).toHaveAttribute('aria-current', 'true')
  })
})

describe('settings', () => {
  test('language and theme change at once and are kept', async () => {
    await open()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('radio', { name: 'Careful' }).click()
    await page.getByRole('radio', { name: '简体中文' }).click()
    await textOf(page.getByRole('dialog')).toContain('设置')
    await page.getByRole('radio', { name: '深色' }).click()
    await expect.element(document.documentElement).toHaveAttribute('lang', 'zh-CN')
    await expect.element(document.documentElement).toHaveAttribute('data-theme', 'dark')
    expect(new SettingsStore().get()).toMatchObject({ language: 'zh-CN', theme: 'dark', search: 'careful' })
  })

  test('an engine that cannot load says why and can be tried again', async () => {
    await open({ load: [new ValleyError('download-failed', { status: 503 })] })
    await textOf(page.getByRole('alert')).toContain('could not be fetched (503)')
    await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click()
    await expect.element(page.getByRole('button', { name: /Ready$/ })).toBeVisible()
    await textOf(page.getByRole('alert')).toBe('')
  })
})
