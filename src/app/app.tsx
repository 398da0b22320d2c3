import * as Tooltip from 'radix-ui/tooltip'
import { Suspense, useCallback, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ElsewhereNotice } from '../assistant/elsewhere-notice'
import { ChatPanel } from '../chat/chat-panel'
import { DropOverlay } from '../clip/drop-overlay'
import { activeClip } from '../clip/reducer'
import { ConversationRail } from '../conversations/rail'
import { ShellNotices } from '../pwa/shell-notices'
import { RecordingDesk } from '../recording/recording-desk'
import { Announcer } from './announcer'
import { useSession, useSessionState, useSettings } from './context'
import { Header } from './header'
import { lazyPart } from './lazy-part'
import { Notices } from './notices'
import { useTheme } from './theme'
import { Welcome } from './welcome'
import './app.css'

// Nobody needs it before there is a clip.
const ClipStage = lazyPart(async () => (await import('../clip/clip-stage')).ClipStage)
const PerformancePanel = lazyPart(async () => (await import('../performance/panel')).default, { whenShown: true })

/** The shell: welcome until there is a clip or a question, then clip and chat side by side (one above the other on phones). */
export function App() {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const { chat, clips } = useSessionState()
  const settings = useSettings()
  const language = useRef<string>(i18n.language)
  useTheme(settings.theme)
  const clip = activeClip(clips)
  const hasTurns = chat.turns.length > 0
  const view = clip ? 'clip' : hasTurns || clips.order.length > 0 ? 'question' : 'welcome'

  const onFolders = useCallback(() => session.notify({ kind: 'folder' }), [session])

  useEffect(() => {
    // Said again, the same language would have all of the page drawn again.
    if (language.current === settings.language) return
    language.current = settings.language
    void i18n.changeLanguage(settings.language)
  }, [i18n, settings.language])

  useEffect(() => {
    document.documentElement.lang = i18n.language
  }, [i18n.language])

  useEffect(() => {
    document.title = clip ? t('app.titleWithClip', { name: clip.name }) : t('app.title')
  }, [t, clip])

  return (
    <Tooltip.Provider delayDuration={400}>
      <div className="app">
        <Header />
        <ShellNotices />
        <ElsewhereNotice />
        <Notices />
        <RecordingDesk>
          <div className="app-body">
            <ConversationRail />
            <main className="stage" data-view={view} data-begun={hasTurns}>
              {view === 'welcome' ? (
                <Welcome onFiles={session.openFiles} />
              ) : (
                <Suspense fallback={<div className="stage-clip" />}>
                  <ClipStage />
                </Suspense>
              )}
              <ChatPanel />
            </main>
          </div>
        </RecordingDesk>
        {settings.figures && (
          <Suspense>
            <PerformancePanel />
          </Suspense>
        )}
        <DropOverlay onFiles={session.openFiles} hasChat={view !== 'welcome'} onFolders={onFolders} />
        <Announcer />
      </div>
    </Tooltip.Provider>
  )
}
