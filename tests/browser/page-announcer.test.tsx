/** What a screen reader hears of an answer: whole sentences, each once, whatever the number of tokens. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page } from 'vitest/browser'
import { ask, chooseFile, film, type Mounted, mount } from './page-mount'

let mounted: Mounted
beforeEach(async () => {
  localStorage.clear()
  mounted = await mount()
  await chooseFile(film())
})
afterEach(() => mounted.close())

const region = () => page.getByRole('status').last().element()

/** Texts of the elements that were added to the live region from here on, and how often it changed at all. */
function listen(): { heard: string[]; changes: () => number; stop: () => void } {
  const heard: string[] = []
  let changes = 0
  const observer = new MutationObserver((records) => {
    changes += records.length
    for (const { addedNodes } of records) for (const node of addedNodes) heard.push(node.textContent ?? '')
  })
  observer.observe(region(), { childList: true, characterData: true, subtree: true })
  return { heard, changes: () => changes, stop: () => observer.disconnect() }
}

test('an answer is read in sentences as they are complete, and none of them twice', async () => {
  const { session } = mounted
  await ask('endless')
  await expect.poll(() => session.live.getSnapshot()).toMatch(/^on and on/)
  // What was told before goes when the answer begins on the screen, which may be after its first words.
  await expect.poll(() => region().textContent).toBe('')
  const { heard, changes, stop } = listen()
  const before = session.live.text.length
  await expect.poll(() => session.live.getSnapshot().length).toBeGreaterThan(before + 50 * 'on and '.length)
  expect(changes()).toBe(0)
  session.live.append('so forth. Does it rain? ')
  await expect.poll(() => heard.length).toBe(2)
  expect(heard[0]).toMatch(/^on and on .* so forth\. $/)
  expect(heard[1]).toBe('Does it rain? ')
  expect(changes()).toBeLessThanOrEqual(2)
  session.stop()
  await expect.poll(() => region().textContent).toBe('Stopped.')
  stop()
})

test('what is left of it is read at its end, in the language of the model', async () => {
  const { session } = mounted
  await ask('one. two. three')
  await expect.poll(() => session.transcript().turns[0]?.status).toBe('done')
  await expect.poll(() => region().textContent).toBe('ONE. TWO. THREE')
  expect([...region().children].map(({ textContent }) => textContent)).toEqual(['ONE. ', 'TWO. ', 'THREE'])
})
