import './app/base.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { I18nextProvider } from 'react-i18next'
import { App } from './app/app'
import { SessionContext, SettingsContext } from './app/context'
import { createI18n } from './app/i18n'
import { readParameters } from './app/parameters'
import { Session, type SessionSettings } from './app/session'
import { creativities, type Settings, SettingsStore, searches } from './app/settings'
import { exposeAutomation } from './assistant/automation'
import { Engine } from './assistant/engine'
import { EngineContext, PackProvider } from './assistant/hooks'
import { startLanguage, startVision } from './assistant/workers'

const settings = new SettingsStore()
const parameters = readParameters(new URL(location.href), new URL(import.meta.env.BASE_URL, location.href))
const engine = new Engine({ ...parameters, startVision, startLanguage })
const sessionSettings = ({ frames, creativity, search }: Settings): SessionSettings => ({
  frames: parameters.frames ?? frames,
  generation: {
    temperature: creativities[creativity],
    ...(search ? { beams: searches[search] } : {}),
    ...parameters.generation,
  },
})
const session = new Session(engine, sessionSettings(settings.get()))
settings.subscribe(() => session.configure(sessionSettings(settings.get())))
exposeAutomation(engine, () => session.transcript())
engine.start()

const root = document.getElementById('root')
if (!root) throw new Error('index.html lacks #root')
createRoot(root).render(
  <StrictMode>
    <I18nextProvider i18n={createI18n(settings.get().language)}>
      <SettingsContext value={settings}>
        <EngineContext value={engine}>
          <PackProvider packUrl={parameters.packUrl}>
            <SessionContext value={session}>
              <App />
            </SessionContext>
          </PackProvider>
        </EngineContext>
      </SettingsContext>
    </I18nextProvider>
  </StrictMode>,
)
