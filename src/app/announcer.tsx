import { useCallback } from 'react'
import { useTranslation } from 'react-i18next'
import { summarizeEngine, useAnswerLanguage, useEngineValue } from '../assistant/hooks'
import type { ChatTurn } from '../chat/reducer'
import { useLiveText } from '../chat/use-live-text'
import { segmentsAsText } from '../moments/segments'
import { useSessionState } from './context'
import { sentencesOf } from './sentences'

/**
 * Tells screen readers of answers and changes of state, in one polite region. An answer being written is read sentence
 * by sentence as each is complete, never token by token; when it is over only what is left of it is new.
 */
export function Announcer() {
  const chat = useSessionState('chat')
  const writing = chat.turns.find(({ status }) => status === 'writing')
  return (
    <div className="visually-hidden" role="status" aria-live="polite" aria-atomic="false">
      {writing ? <Growing turn={writing} /> : <Announcement />}
    </div>
  )
}

/** As much of the answer as is certain, in whole sentences; renders only when there is another. */
function Growing({ turn: { segments } }: { readonly turn: ChatTurn }) {
  const { i18n } = useTranslation()
  const language = useAnswerLanguage() ?? i18n.language
  const complete = useCallback((text: string) => sentencesOf(text.trimStart(), language, true).join(''), [language])
  const text = useLiveText(complete)
  return <Sentences text={segments ? segmentsAsText(segments) : text} />
}

function Announcement() {
  const { t } = useTranslation()
  const announcement = useSessionState('announcement')
  const engineReady = useEngineValue((state) => summarizeEngine(state).status === 'ready')
  switch (announcement?.kind) {
    case 'clip-ready':
      return t('announce.clipReady', { name: announcement.name })
    case 'answer':
      return announcement.text ? <Sentences text={announcement.text} /> : t('chat.nothing')
    case 'stopped':
      return t('announce.stopped')
    case undefined:
      return engineReady && t('announce.engineReady')
  }
}

/** Each in an element of its own: what was there before is not read again when another comes. */
function Sentences({ text }: { readonly text: string }) {
  const { i18n } = useTranslation()
  const language = useAnswerLanguage()
  return (
    <>
      {sentencesOf(text, language ?? i18n.language, false).map((sentence, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: sentences only come at the end
        <span key={index} lang={language}>
          {sentence}
        </span>
      ))}
    </>
  )
}
