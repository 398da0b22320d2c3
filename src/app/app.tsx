import { Tooltip } from 'radix-ui'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { ChatPanel } from '../chat/chat-panel'
import { ClipPanel } from '../clip/clip-panel'
import { DropOverlay } from '../clip/drop-overlay'
import { DropZone } from '../clip/drop-zone'
import { activeClip } from '../clip/reducer'
import { ShellNotices } from '../pwa/shell-notices'
import { Announcer } from './announcer'
import { useSession, useSessionState, useSettings } from './context'
import { Header } from './header'
import { Notices } from './notices'
import { useTheme } from './theme'
import { Welcome } from './welcome'
import './app.css'

/** The shell: welcome until there is a clip or a question, then clip and chat side by side (one above the other on phones). */
export function App() {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const { chat, clips } = useSessionState()
  const settings = useSettings()
  useTheme(settings.theme)
  const clip = activeClip(clips)
  const hasTurns = chat.sections.some((section) => section.turns.length > 0)

  useEffect(() => {
    void i18n.changeLanguage(settings.language)
    document.documentElement.lang = settings.language
  }, [i18n, settings.language])

  useEffect(() => {
    document.title = clip ? t('app.titleWithClip', { name: clip.name }) : t('app.title')
  }, [t, clip])

  return (
    <Tooltip.Provider delayDuration={400}>
      <div className="app">
        <Header />
        <ShellNotices />
        <Notices />
        <main className="stage" data-view={clip ? 'clip' : hasTurns ? 'question' : 'welcome'} data-begun={hasTurns}>
          {!clip && !hasTurns && <Welcome onFiles={session.openFiles} />}
          {!clip && hasTurns && (
            <div className="stage-clip">
              <DropZone onFiles={session.openFiles} />
            </div>
          )}
          {clip && (
            <div className="stage-clip">
              <ClipPanel clip={clip} onFiles={session.openFiles} onClose={session.closeClip} />
            </div>
          )}
          <ChatPanel />
        </main>
        <DropOverlay onFiles={session.openFiles} hasChat={hasTurns} />
        <Announcer />
      </div>
    </Tooltip.Provider>
  )
}
