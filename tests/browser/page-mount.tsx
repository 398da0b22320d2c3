/** The whole page over stand-in workers, as main.tsx puts it together. */
import { startTransition } from 'react'
import { createRoot } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { vi } from 'vitest'
import { page, userEvent } from 'vitest/browser'
import { App } from '../../src/app/app'
import '../../src/app/base.css'
import { SessionProvider, SettingsContext } from '../../src/app/context'
import { createI18n } from '../../src/app/i18n'
import { Session } from '../../src/app/session'
import { SettingsStore } from '../../src/app/settings'
import type { Engine, Ledgers } from '../../src/assistant/engine'
import { EngineContext } from '../../src/assistant/hooks'
import { Shelf } from '../../src/storage/shelf'
import { type Mishaps, standInEngine } from './page-stand-in'

export type Mounted = {
  readonly session: Session
  /** What the workers did. */
  readonly log: readonly string[]
  /** Takes the page away as a reload does: what was to be stored is stored, nothing else survives. */
  readonly close: () => Promise<void>
}

export type MountOptions = {
  readonly mishaps?: Mishaps
  readonly keeps?: boolean
  /** Ms that small changes wait to be written together; a short while where absent. */
  readonly delay?: number
  /** In place of one over stand-in workers; started. */
  readonly engine?: Engine
}

/** `keeps`: conversations are kept in the browser's IndexedDB. */
export async function mount({ mishaps, keeps = false, delay = 20, engine: real }: MountOptions = {}): Promise<Mounted> {
  const { engine, log } = real ? { engine: real, log: [] } : standInEngine(mishaps)
  const settings = new SettingsStore()
  const shelf = new Shelf({
    onTrouble: (kind) => session.notify({ kind }),
    onMended: () => session.dismissKind('not-stored'),
    delay,
  })
  const options = { gently: startTransition, ...(keeps ? { shelf } : {}) }
  const session = new Session(engine, { frames: 8, generation: { temperature: 0 } }, options)
  const container = document.body.appendChild(document.createElement('div'))
  const root = createRoot(container)
  const i18n = await createI18n('en')
  root.render(
    <I18nextProvider i18n={i18n}>
      <SettingsContext value={settings}>
        <EngineContext value={engine}>
          <SessionProvider session={session}>
            <App />
          </SessionProvider>
        </EngineContext>
      </SettingsContext>
    </I18nextProvider>,
  )
  await session.conversations.restore()
  return {
    session,
    log,
    close: async () => {
      root.unmount()
      await session.close()
      await shelf.close()
      engine.close()
      container.remove()
    },
  }
}

export const film = (name = 'holiday.mp4') => new File(['x'], name, { type: 'video/mp4' })
export const composer = () => page.getByRole('textbox', { name: 'Your question' })
/** The text in the chat; the live region repeats it after. */
export const answer = (text: string) => page.getByRole('region', { name: 'Chat' }).getByText(text, { exact: true })
export const chooseFile = (file: File | File[]) => userEvent.upload(page.getByLabelText('Choose a file'), file)

/** What real workers hold while they do nothing: the frames that warm the encoder after a load may not be over. */
export const restingLedgers = (engine: Engine): Promise<Ledgers> =>
  vi.waitFor(
    async () => {
      const held = await engine.ledgers()
      if (held.vision.tensor || held.vision['video-frame']) throw new Error('the encoder is being warmed')
      return held
    },
    { timeout: 30_000 },
  )

export async function ask(question: string): Promise<void> {
  await composer().fill(question)
  await userEvent.keyboard('{Enter}')
}
