/** Moments in a real browser, over stand-in workers: evidence under answers, finding a moment by words, part by part. */
import axe from 'axe-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import type { Session } from '../../src/app/session'
import { playhead } from '../../src/clip/playhead'
import { chooseFile, film, type Mounted, mount } from './page-mount'

let mounted: Mounted
let session: Session

beforeEach(async () => {
  localStorage.clear()
  await page.viewport(1280, 800)
  mounted = await mount()
  session = mounted.session
  await chooseFile(film())
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
})
afterEach(() => mounted.close())

const strip = () => page.getByRole('list', { name: 'Frames that were looked at' })
const box = () => page.getByRole('searchbox', { name: 'Find a moment' })
/** The sentence under the box. */
const says = (text: RegExp) => expect.element(page.getByText(text)).toBeVisible()

test('the frame that an answer speaks of stands below it, marks its place in the strip and goes there', async () => {
  session.ask('show the second thing')
  const evidence = page.getByRole('list', { name: 'Nearest frames' })
  const frame = evidence.getByRole('button', { name: 'Go to 0:01' })
  await expect.element(frame).toBeVisible()
  await expect.element(evidence.getByRole('button', { name: 'Go to 0:00' })).not.toBeInTheDocument()
  const marked = strip().getByRole('button', { name: 'Go to 0:01' })
  await expect.element(marked).not.toHaveAttribute('data-pointed')
  await userEvent.hover(frame)
  await expect.element(marked).toHaveAttribute('data-pointed', 'true')
  await frame.click()
  await expect.element(marked).toHaveAttribute('aria-current', 'true')
  await userEvent.unhover(frame)
  ;(document.activeElement as HTMLElement).blur()
  await expect.element(marked).not.toHaveAttribute('data-pointed')
})

test('an answer that fits no frame better than chance says so', async () => {
  session.ask('show a third thing')
  await expect.element(page.getByText('Not sure: this fits the frames hardly better than chance.')).toBeVisible()
  await expect.element(page.getByRole('list', { name: 'I looked at these frames' })).toBeVisible()
})

test('a time in an answer leads into the clip', async () => {
  session.ask('what is at 0:01?')
  await page
    .getByText(/^WHAT IS AT/)
    .getByRole('button', { name: 'Go to 0:01' })
    .click()
  expect(playhead.getSnapshot().sought).toMatchObject({ seconds: 1 })
})

test('words find a moment: arrows walk the peaks, Enter goes there, an empty box takes them away', async () => {
  await box().fill('the second thing')
  await says(/^One moment, at 0:01\./)
  await expect.element(page.getByRole('img', { name: 'How well each moment fits the words' })).toBeVisible()
  await userEvent.keyboard('{ArrowDown}')
  await says(/^Moment 1 of 1, at 0:01/)
  await userEvent.keyboard('{Enter}')
  expect(playhead.getSnapshot().sought).toMatchObject({ seconds: 1.5 })
  await box().fill('something else')
  await says(/^Nothing here clearly fits these words/)
  await box().fill('')
  await expect.element(page.getByRole('img', { name: /each moment fits/ })).not.toBeInTheDocument()
})

test('words are found while an answer is being written', async () => {
  session.ask('endless')
  await expect.element(page.getByText(/on and on/).first()).toBeVisible()
  await box().fill('the first thing')
  await says(/^One moment, at 0:00\./)
  session.stop()
})

test('a clip is described part by part', async () => {
  session.ask('what is it?', true)
  const parts = page.getByRole('list', { name: 'Moment by moment' })
  await expect.element(parts.getByText('WHAT IS IT?')).toBeVisible()
  await expect.element(parts.getByRole('button', { name: 'Go to 0:00' })).toBeVisible()
  expect(session.transcript().turns[0]).toMatchObject({
    status: 'done',
    answer: '- 0:00–0:02: WHAT IS IT?',
    segments: [{ start: 0, end: 2, text: 'WHAT IS IT?' }],
  })
})

test('evidence, curve and timed list break no rule of accessibility, in light and in dark', async () => {
  session.ask('show the second thing at 0:01')
  await expect.element(page.getByRole('list', { name: 'Nearest frames' })).toBeVisible()
  session.ask('what is it?', true)
  await expect.element(page.getByRole('list', { name: 'Moment by moment' })).toBeVisible()
  await box().fill('the second thing')
  await says(/^One moment, at 0:01/)
  for (const theme of ['light', 'dark']) {
    document.documentElement.dataset.theme = theme
    // Colours on their way from one theme to the other are neither's.
    const fading = document.getAnimations().filter((animation) => animation instanceof CSSTransition)
    await Promise.allSettled(fading.map(({ finished }) => finished))
    // Landmarks are a matter of the page as a whole.
    const { violations } = await axe.run(document.body, { rules: { region: { enabled: false } } })
    expect(violations.map(({ id, nodes }) => `${theme} ${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  }
})
