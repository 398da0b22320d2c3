import './app/base.css'
import { type ReactNode, StrictMode, startTransition, useEffect } from 'react'
import { createRoot } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { App } from './app/app'
import { SessionProvider, SettingsContext } from './app/context'
import { formatPercent } from './app/format'
import { createI18n } from './app/i18n'
import { preloadParts, whenIdle } from './app/lazy-part'
import { readParameters } from './app/parameters'
import { Session, type SessionSettings } from './app/session'
import { creativities, type Settings, SettingsStore, searches } from './app/settings'
import { exposeAutomation } from './assistant/automation'
import { EngineOwnerContext } from './assistant/elsewhere-notice'
import { Engine } from './assistant/engine'
import { EngineOwner } from './assistant/engine-owner'
import { EngineContext, PackProvider } from './assistant/hooks'
import { startLanguage, startVision } from './assistant/workers'
import { initialPack, modelsUrl, rememberedPauses, rememberedPooling } from './packs/choice'
import { holdLockWhileAnswering } from './pwa/answer-lock'
import { AppShell } from './pwa/app-shell'
import { AppShellContext, InstallContext } from './pwa/context'
import { InstallOffer } from './pwa/install'
import { Shelf } from './storage/shelf'

const settings = new SettingsStore()
const installOffer = new InstallOffer()
const parameters = readParameters(new URL(location.href), new URL(import.meta.env.BASE_URL, location.href))
const packUrl = initialPack(new URL(location.href), parameters.packUrl)
const pooling = rememberedPooling(packUrl)
const engine = new Engine({
  ...parameters,
  packUrl,
  ...(pooling ? { pooling } : {}),
  basesUrl: modelsUrl(),
  pauses: rememberedPauses,
  startVision,
  startLanguage,
})
const sessionSettings = ({ frames, creativity, search, keeping }: Settings): SessionSettings => ({
  frames: parameters.frames ?? frames,
  generation: {
    temperature: creativities[creativity],
    ...(search ? { beams: searches[search] } : {}),
    ...parameters.generation,
  },
  keeping,
})
const shelf = new Shelf({
  onTrouble: (kind, cause) => {
    console.warn(kind, cause)
    session.notify({ kind })
  },
  onMended: () => session.dismissKind('not-stored'),
})
const session = new Session(engine, sessionSettings(settings.get()), { shelf, gently: startTransition })
settings.subscribe(() => session.configure(sessionSettings(settings.get())))
let shownPack = packUrl
engine.subscribe(() => {
  if (engine.state.packUrl === shownPack) return
  shownPack = engine.state.packUrl
  session.packChanged()
})
exposeAutomation(engine, () => session.transcript())
holdLockWhileAnswering(session)
// Hidden, the page may be gone at any moment; back in view, other tabs may have said something.
document.addEventListener('visibilitychange', () => {
  void (document.hidden ? shelf.flush() : session.conversations.refresh())
})

const shell = import.meta.env.PROD
  ? new AppShell({
      script: new URL('service-worker.js', new URL(import.meta.env.BASE_URL, location.href)),
      // With a dialog open, something may just be being recorded.
      mayReload: () =>
        session.getState().clips.order.length === 0 &&
        !document.querySelector('textarea')?.value &&
        !document.querySelector('[role=dialog]'),
    })
  : null
const owner = new EngineOwner(engine, navigator.locks)

/** Tells when the page is shown for the first time. */
function Shown({ onShown, children }: { readonly onShown: () => void; readonly children: ReactNode }) {
  useEffect(onShown, [onShown])
  return children
}

const root = document.getElementById('root')
if (!root) throw new Error('index.html lacks #root')
const i18n = await createI18n(settings.get().language)
// As a transition React gives way now and then: on a slow phone the page answers while it is still being put together.
// What changes meanwhile would have it done once more, at one go: conversations come back after.
const restore = () => void session.conversations.restore()
startTransition(() =>
  createRoot(root).render(
    <StrictMode>
      <I18nextProvider i18n={i18n}>
        <SettingsContext value={settings}>
          <EngineContext value={engine}>
            <PackProvider>
              <SessionProvider session={session}>
                <AppShellContext value={shell}>
                  <InstallContext value={installOffer}>
                    <EngineOwnerContext value={owner}>
                      <Shown onShown={restore}>
                        <App />
                      </Shown>
                    </EngineOwnerContext>
                  </InstallContext>
                </AppShellContext>
              </SessionProvider>
            </PackProvider>
          </EngineContext>
        </SettingsContext>
      </I18nextProvider>
    </StrictMode>,
  ),
)

// The page is there first. The engine comes once the service worker serves it: what the workers then fetch is kept for the
// visits without a network.
void whenIdle().then(async () => {
  // Making the first formatter takes the browser a while, and the engine's reports come thick and fast.
  formatPercent(0, i18n.language)
  void preloadParts()
  await shell?.start()
  await owner.claim()
})
