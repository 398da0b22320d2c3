/** The peaks of a search while more frames are looked at: whoever stands on one goes on standing there. */
import { Provider as TooltipProvider } from 'radix-ui/tooltip'
import { createRoot, type Root } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { SessionContext } from '../../src/app/context'
import { createI18n } from '../../src/app/i18n'
import type { Session } from '../../src/app/session'
import { type Deferred, deferred } from '../../src/assistant/deferred'
import type { Engine } from '../../src/assistant/engine'
import { EngineContext } from '../../src/assistant/hooks'
import type { Clip } from '../../src/clip/reducer'
import FindMoment from '../../src/moments/find-moment'
import type { SearchEngine } from '../../src/moments/moment-search'
import { sampleMedia, unseenClip } from '../fixtures/sample'

/** How well a moment fits the words, where that is more than little. */
const fits: Readonly<Record<number, number>> = { 2: 0.5, 8: 0.45, 2.25: 0.8, 5.25: 0.6, 8.25: 0.9 }
const vectorAt = (timestamp: number) => {
  const similarity = fits[timestamp] ?? 0.1
  return Float32Array.of(similarity, Math.sqrt(1 - similarity ** 2), 0)
}
const thumbnail = new Blob()
const frame = (timestamp: number, index: number) => ({ index, timestamp, thumbnail, vector: vectorAt(timestamp) })
const clip: Clip = {
  ...unseenClip('one', 'one.mp4'),
  file: new File(['x'], 'one.mp4'),
  status: 'ready',
  media: sampleMedia(10),
  timestamps: [2, 5, 8],
  frames: { 0: frame(2, 0), 1: frame(5, 1), 2: frame(8, 2) },
}

let root: Root
let container: HTMLElement
/** One a chunk of frames that are looked at beyond the clip's own: 0 to 4 s, 4 to 8 s, 8 to 10 s. */
let chunks: Deferred<void>[]

beforeEach(async () => {
  chunks = [deferred<void>(), deferred<void>(), deferred<void>()]
  let begun = 0
  const engine: SearchEngine = {
    embedTexts: async (texts) =>
      Float32Array.from(texts.flatMap((text) => (text === 'a ball' ? [1, 0, 0] : [0, 0, 1]))),
    encode: async function* (_, { moments = [] }) {
      await chunks[begun++]?.promise
      for (const [index, timestamp] of moments.entries()) yield { type: 'frame', ...frame(timestamp, index) }
    },
    forget: () => {},
  }
  container = document.body.appendChild(document.createElement('div'))
  root = createRoot(container)
  root.render(
    <I18nextProvider i18n={await createI18n('en')}>
      <EngineContext value={engine as Engine}>
        <SessionContext value={{} as Session}>
          <TooltipProvider>
            <FindMoment clip={clip} />
          </TooltipProvider>
        </SessionContext>
      </EngineContext>
    </I18nextProvider>,
  )
  await page.getByRole('searchbox').fill('a ball')
})
afterEach(() => {
  root.unmount()
  container.remove()
})

const peak = (name: string) => page.getByRole('button', { name })
const says = (text: string) => expect.element(page.getByText(text, { exact: false })).toBeVisible()

test('a peak that moves takes the focus along, and one that another comes before stays the one stood on', async () => {
  await says('2 moments')
  await userEvent.tab({ shift: true })
  await expect.element(peak('Go to 0:08')).toHaveFocus()
  await says('Moment 2 of 2')
  chunks[0]?.resolve()
  chunks[1]?.resolve()
  await says('Moment 3 of 3')
  await expect.element(peak('Go to 0:08')).toHaveAttribute('aria-current', 'true')
  await expect.element(peak('Go to 0:08')).toHaveFocus()
  const before = document.activeElement
  chunks[2]?.resolve()
  await expect.poll(() => before?.isConnected).toBe(false)
  await expect.element(peak('Go to 0:08')).toHaveFocus()
  await says('Moment 3 of 3')
})
