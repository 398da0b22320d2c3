import * as Tooltip from 'radix-ui/tooltip'
import { memo, Suspense, useCallback, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { ElsewhereNotice } from '../assistant/elsewhere-notice'
import { ChatPanel } from '../chat/chat-panel'
import type { ChatState } from '../chat/reducer'
import { DropOverlay } from '../clip/drop-overlay'
import { activeClip, type ClipsState } from '../clip/reducer'
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
const ClipStage = memo(lazyPart(async () => (await import('../clip/clip-stage')).ClipStage))
const PerformancePanel = lazyPart(async () => (await import('../performance/panel')).default, { whenShown: true })

/** The shell: welcome until there is a clip or a question, then clip and chat side by side (one above the other on phones). */
export function App() {
  const { i18n } = useTranslation()
  const settings = useSettings()
  const language = useRef<string>(i18n.language)
  useTheme(settings.theme)

  useEffect(() => {
    // Said again, the same language would have all of the page drawn again.
    if (language.current === settings.language) return
    language.current = settings.language
    void i18n.changeLanguage(settings.language)
  }, [i18n, settings.language])

  useEffect(() => {
    document.documentElement.lang = i18n.language
  }, [i18n.language])

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
            <Stage />
          </div>
        </RecordingDesk>
        {settings.figures && (
          <Suspense>
            <PerformancePanel />
          </Suspense>
        )}
        <Drop />
        <Announcer />
      </div>
    </Tooltip.Provider>
  )
}

/** Apart from the shell, which stays as it is while a chat goes on. */
function Stage() {
  const { t } = useTranslation()
  const session = useSession()
  const chat = useSessionState('chat')
  const clips = useSessionState('clips')
  const name = activeClip(clips)?.name
  useEffect(() => {
    document.title = name === undefined ? t('app.title') : t('app.titleWithClip', { name })
  }, [t, name])
  const view = viewOf(chat, clips)
  return (
    <main className="stage" data-view={view} data-begun={chat.turns.length > 0}>
      {view === 'welcome' ? (
        <Welcome onFiles={session.openFiles} />
      ) : (
        <Suspense fallback={<div className="stage-clip" />}>
          <ClipStage />
        </Suspense>
      )}
      <ChatPanel />
    </main>
  )
}

function Drop() {
  const session = useSession()
  const chat = useSessionState('chat')
  const clips = useSessionState('clips')
  const onFolders = useCallback(() => session.notify({ kind: 'folder' }), [session])
  return <DropOverlay onFiles={session.openFiles} hasChat={viewOf(chat, clips) !== 'welcome'} onFolders={onFolders} />
}

function viewOf(chat: ChatState, clips: ClipsState): 'clip' | 'question' | 'welcome' {
  if (activeClip(clips)) return 'clip'
  return chat.turns.length > 0 || clips.order.length > 0 ? 'question' : 'welcome'
}
