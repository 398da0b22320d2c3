import { ListRestart } from 'lucide-react'
import { AlertDialog } from 'radix-ui'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession, useSessionState } from '../app/context'
import { activeClip } from '../clip/reducer'
import { Composer } from './composer'
import { nextWaiting } from './reducer'
import { Suggestions } from './suggestions'
import { TurnView } from './turn-view'
import './chat-panel.css'

/** Closer to the end than this (px) counts as being there: new text keeps it in view. */
const stickDistance = 48

/** Questions and answers, clip by clip, and the composer under them. */
export function ChatPanel() {
  const { t } = useTranslation()
  const session = useSession()
  const { chat, clips, runningTurn } = useSessionState()
  const clip = activeClip(clips)
  const log = useRef<HTMLDivElement>(null)
  useStickToEnd(log)
  const busy = runningTurn !== null || nextWaiting(chat) !== undefined
  const turns = chat.sections.flatMap((section) => section.turns)
  const current = chat.sections.at(-1)
  const placeholder = () => {
    if (!clip) return t('chat.placeholderEmpty')
    return (current?.turns.length ?? 0) > 0 ? t('chat.placeholderMore') : t('chat.placeholder')
  }
  return (
    <section className="chat-panel" aria-label={t('chat.region')}>
      <div className="chat-log" ref={log}>
        <div className="chat-content">
          {chat.sections.map(
            (section, index) =>
              section.turns.length > 0 && (
                <section key={section.id} className="chat-section" aria-label={section.clipName ?? t('chat.log')}>
                  {chat.sections.length > 1 && section.clipName && (
                    <h2 className="chat-divider">
                      <span>{t('chat.about', { name: section.clipName })}</span>
                    </h2>
                  )}
                  <ol className="chat-turns">
                    {section.turns.map((turn) => (
                      <TurnView
                        key={turn.id}
                        turn={turn}
                        clip={section.clipId === null ? null : (clips.clips[section.clipId] ?? null)}
                        clipName={section.clipName}
                        canAskAgain={!busy && index === chat.sections.length - 1 && turn === section.turns.at(-1)}
                      />
                    ))}
                  </ol>
                </section>
              ),
          )}
        </div>
      </div>
      <div className="chat-foot">
        {clip && current?.turns.length === 0 && (
          <Suggestions kind={clip.media?.kind ?? 'video'} onAsk={(question) => session.ask(question)} />
        )}
        <div className="chat-row">
          {turns.length > 0 && <StartOver onConfirm={() => session.startOver()} />}
          <Composer
            placeholder={placeholder()}
            busy={busy}
            onAsk={(question) => session.ask(question)}
            onStop={() => session.stop()}
          />
        </div>
      </div>
    </section>
  )
}

function StartOver({ onConfirm }: { readonly onConfirm: () => void }) {
  const { t } = useTranslation()
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger
        className="button chat-start-over"
        data-look="bare"
        data-icon-only
        title={t('chat.startOver')}
      >
        <ListRestart aria-hidden="true" />
        <span className="visually-hidden">{t('chat.startOver')}</span>
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="scrim" />
        <AlertDialog.Content className="dialog">
          <AlertDialog.Title className="dialog-title">{t('chat.startOverTitle')}</AlertDialog.Title>
          <AlertDialog.Description>{t('chat.startOverBody')}</AlertDialog.Description>
          <div className="dialog-actions">
            <AlertDialog.Cancel className="button">{t('chat.cancel')}</AlertDialog.Cancel>
            <AlertDialog.Action className="button" data-look="primary" onClick={onConfirm}>
              {t('chat.startOver')}
            </AlertDialog.Action>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}

/** Keeps the end in view while text grows, as long as the person has not scrolled away from it. */
function useStickToEnd(scroller: React.RefObject<HTMLDivElement | null>): void {
  useEffect(() => {
    const element = scroller.current
    const content = element?.firstElementChild
    if (!element || !content) return
    let stick = true
    const onScroll = () => {
      stick = element.scrollHeight - element.scrollTop - element.clientHeight < stickDistance
    }
    const observer = new ResizeObserver(() => {
      if (stick) element.scrollTop = element.scrollHeight
    })
    observer.observe(content)
    observer.observe(element)
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
    }
  }, [scroller])
}
