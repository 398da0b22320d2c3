import { memo, Suspense, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession, useSessionState } from '../app/context'
import { lazyPart } from '../app/lazy-part'
import { activeClip, type ClipsState, isAtHand } from '../clip/reducer'
import { Composer } from './composer'
import { draftPlace } from './drafts'
import { type ChatTurn, hasEnded, type Section, sectionsOf } from './reducer'
import './chat-panel.css'

/** Closer to the end than this (px) counts as being there: new text keeps it in view. */
const stickDistance = 48

/** What a person scrolls with; the scrolling follows within the delay (ms). */
const scrollingEvents = ['wheel', 'touchmove', 'pointerdown', 'keydown'] as const
const scrollDelay = 1000

/** Closer to the start than this (px), scrolling upwards brings the turns before. */
const nearStart = 200

/** So many turns are drawn at first, and with each step back. */
const pageOfTurns = 40

/** Turns keep their identity until they change: a word that is written renders one of them, not the whole chat. */
const SteadyTurn = memo(lazyPart(async () => (await import('./turn-view')).TurnView))

// Nobody needs them before there is a clip.
const Suggestions = lazyPart(async () => (await import('./suggestions')).Suggestions)

// Nobody needs it before the first question, nor a turn.
const StartOver = lazyPart(async () => (await import('./start-over')).StartOver)

/** Questions and answers, clip by clip, and the composer under them. */
export function ChatPanel() {
  const { t } = useTranslation()
  const session = useSession()
  const conversation = useSessionState('conversation')
  const chat = useSessionState('chat')
  const clips = useSessionState('clips')
  const clip = activeClip(clips)
  const log = useRef<HTMLDivElement>(null)
  useStickToEnd(log, `${conversation.id} ${chat.turns.at(-1)?.id}`)
  const { shown, hidden, showMore } = useRecent(chat.turns, conversation.id)
  const sections = useMemo(() => sectionsOf({ turns: shown }), [shown])
  const current = sections.at(-1)
  const last = chat.turns.at(-1)
  // A question about a clip that the person must find again waits without keeping others from being asked.
  const busy = chat.turns.some((turn) => {
    const about = clips.clips[turn.clipId ?? '']
    return !hasEnded(turn) && (turn.status !== 'waiting' || !about || isAtHand(about))
  })
  const asked = clip !== null && current?.clipId === clip.id
  const placeholder = () => {
    if (!clip) return t('chat.placeholderEmpty')
    return asked ? t('chat.placeholderMore') : t('chat.placeholder')
  }
  return (
    <section className="chat-panel" aria-label={t('chat.region')}>
      <div className="chat-log" ref={log}>
        <div className="chat-content">
          {hidden > 0 && <Earlier key={hidden} count={hidden} scroller={log} onShow={showMore} />}
          {sections.map((section) => (
            <section key={section.id} className="chat-section" aria-label={section.clipName ?? t('chat.log')}>
              {section.clipName && (sections.length > 1 || clips.order.length > 1 || isRemoved(section, clips)) && (
                <h2 className="chat-divider">
                  <span>{t('chat.about', { name: section.clipName })}</span>
                </h2>
              )}
              <ol className="chat-turns">
                {section.turns.map((turn) => (
                  // Each in its own: waiting for code in one that is shown already would hold up all that is new.
                  <Suspense key={turn.id}>
                    <SteadyTurn
                      turn={turn}
                      clip={section.clipId === null ? null : (clips.clips[section.clipId] ?? null)}
                      clipName={section.clipName}
                      canAskAgain={!busy && turn === last}
                    />
                  </Suspense>
                ))}
              </ol>
            </section>
          ))}
        </div>
      </div>
      <div className="chat-foot">
        {clip && !asked && (
          <Suspense>
            <Suggestions key={clip.id} clip={clip} onAsk={(question) => session.ask(question)} />
          </Suspense>
        )}
        <div className="chat-row">
          {chat.turns.length > 0 && (
            <Suspense>
              <StartOver onConfirm={() => session.startOver()} />
            </Suspense>
          )}
          <Composer
            key={conversation.id}
            draft={draftPlace(conversation)}
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

/** Its clip is not part of the conversation any more: nothing else names it. */
const isRemoved = ({ clipId }: Section, { clips }: ClipsState) => clipId !== null && !clips[clipId]

/** The newest turns, and as many more of those before as were asked for: an old, long chat opens as quickly as a short one. */
function useRecent(turns: readonly ChatTurn[], conversationId: string) {
  const [more, setMore] = useState({ conversationId, count: 0 })
  const wanted = pageOfTurns + (more.conversationId === conversationId ? more.count : 0)
  // New turns do not push out what is on show: the first one moves only when a page is full.
  const hidden = Math.max(0, Math.floor((turns.length - wanted) / pageOfTurns) * pageOfTurns)
  const shown = useMemo(() => turns.slice(hidden), [turns, hidden])
  const count = wanted
  return { shown, hidden, showMore: () => setMore({ conversationId, count }) }
}

type EarlierProps = {
  readonly count: number
  readonly scroller: React.RefObject<HTMLDivElement | null>
  readonly onShow: () => void
}

/** Brings the turns before when pressed, and by itself when scrolled to. */
function Earlier({ count, scroller, onShow }: EarlierProps) {
  const { t } = useTranslation()
  const button = useRef<HTMLButtonElement>(null)
  const show = useRef(onShow)
  show.current = onShow
  useEffect(() => {
    const [element, root] = [button.current, scroller.current]
    if (!element || !root) return
    // What comes above pushes down what is read: the distance to the end stays.
    const keepPlace = () => {
      const fromEnd = root.scrollHeight - root.scrollTop
      show.current()
      requestAnimationFrame(() => {
        root.scrollTop = root.scrollHeight - fromEnd
      })
    }
    // Only on the way up: a chat that is just shown stands at its start for a moment, and would draw all of itself.
    let last = root.scrollTop
    const onScroll = () => {
      const upwards = root.scrollTop < last
      last = root.scrollTop
      if (upwards && last < nearStart) keepPlace()
    }
    root.addEventListener('scroll', onScroll, { passive: true })
    element.addEventListener('click', keepPlace)
    return () => {
      root.removeEventListener('scroll', onScroll)
      element.removeEventListener('click', keepPlace)
    }
  }, [scroller])
  return (
    <button ref={button} type="button" className="button chat-earlier" data-size="small">
      {t('conversations.earlier', { count })}
    </button>
  )
}

/**
 * Keeps the end in view while text grows, as long as the person has not scrolled away from it. Another conversation is
 * shown from its end, and a question just asked comes into view wherever the person was.
 * @param shown  names what the end is of: the conversation and its last turn
 */
function useStickToEnd(scroller: React.RefObject<HTMLDivElement | null>, shown: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: begins anew at each end
  useEffect(() => {
    const element = scroller.current
    const content = element?.firstElementChild
    if (!element || !content) return
    let stick = true
    let touched = Number.NEGATIVE_INFINITY
    const onTouch = () => {
      touched = performance.now()
    }
    // Only the person leaves the end: a chat just shown moves while its turns come into sight and the clip beside it opens.
    const onScroll = () => {
      if (element.scrollHeight - element.scrollTop - element.clientHeight < stickDistance) stick = true
      else if (performance.now() - touched < scrollDelay) stick = false
    }
    const observer = new ResizeObserver(() => {
      if (stick) element.scrollTop = element.scrollHeight
    })
    observer.observe(content)
    observer.observe(element)
    element.addEventListener('scroll', onScroll, { passive: true })
    for (const type of scrollingEvents) element.addEventListener(type, onTouch, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
      for (const type of scrollingEvents) element.removeEventListener(type, onTouch)
    }
  }, [scroller, shown])
}
