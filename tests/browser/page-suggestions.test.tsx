/** Questions to press before the first: they fit a clip or a picture, the pack, and what is seen. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page } from 'vitest/browser'
import { answer, chooseFile, film, type Mounted, mount } from './page-mount'
import { type Mishaps, standInEngine } from './page-stand-in'

let mounted: Mounted
beforeEach(async () => {
  localStorage.clear()
  await page.viewport(1280, 800)
})
afterEach(() => mounted.close())

const suggestions = () => page.getByRole('list', { name: 'Suggestions' }).getByRole('button')
const offered = () =>
  suggestions()
    .elements()
    .map((button) => button.textContent)
const always = ['What is happening?', 'Is it indoors or outdoors?']

/** A page whose pack takes a clip's second frame for what some texts say; resolves to the texts that it compared. */
async function open(shown: RegExp | null, mishaps: Mishaps = {}): Promise<readonly string[]> {
  const { engine } = standInEngine(mishaps)
  const compared: string[] = []
  const embed = engine.embedTexts.bind(engine)
  engine.embedTexts = async (texts, signal) => {
    compared.push(...texts)
    // What it knows of them by itself: one axis a frame, and one for all that is not in the clip.
    const vectors = await embed(texts, signal)
    const size = vectors.length / texts.length
    for (const [index, text] of texts.entries()) if (shown?.test(text)) vectors.set([0, 1, 0, 0], index * size)
    return vectors
  }
  mounted = await mount({ engine })
  await chooseFile(film())
  await expect.element(page.getByText('2 frames looked at')).toBeVisible()
  return compared
}

test('one of them asks about what the frames show, and is asked when it is pressed', async () => {
  await open(/^A cat\.$/)
  await expect.poll(offered).toEqual([...always, 'What is the animal doing?'])
  await suggestions().last().click()
  await expect.element(answer('WHAT IS THE ANIMAL DOING?')).toBeVisible()
  await expect.element(suggestions()).not.toBeInTheDocument()
})

test('where nothing stands out, the others are all there is', async () => {
  const compared = await open(null)
  await expect.poll(() => compared.length).toBeGreaterThan(40)
  await expect.poll(offered).toEqual(always)
})

test('a pack that compares no words with frames is not asked to', async () => {
  const compared = await open(null, { plain: true })
  await expect.poll(offered).toEqual(always)
  expect(compared).toEqual([])
})
