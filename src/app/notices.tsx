import { CircleAlert, Info, X } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ValleyError } from '../../workers/protocol'
import { useEngine, useEngineValue } from '../assistant/hooks'
import { useSession, useSessionState } from './context'
import { type ErrorSentences, errorSentences } from './error-text'
import { formatBytes, sentenceGap } from './format'
import { IconButton } from './icon-button'
import type { Notice } from './session'
import './notices.css'

/** What went wrong or needs a word, as sentences, above everything; the chat under it stays as it is. */
export function Notices() {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const notices = useSessionState('notices')
  const engine = useEngine()
  const [dismissed, setDismissed] = useState<ValleyError | null>(null)
  const broken = useEngineValue(({ vision, language }) =>
    vision.status === 'failed' ? vision.error : language.status === 'failed' ? language.error : null,
  )
  return (
    <div className="notices" role="alert">
      {broken && broken !== dismissed && (
        <NoticeLine
          kind="error"
          code={broken.code}
          sentences={errorSentences(t, i18n.language, broken)}
          onDismiss={() => setDismissed(broken)}
        >
          <button type="button" className="button" data-size="small" onClick={() => engine.retry()}>
            {t('engine.retry')}
          </button>
        </NoticeLine>
      )}
      {notices.map((notice) => (
        <SessionNotice key={notice.id} notice={notice} onDismiss={() => session.dismiss(notice.id)} />
      ))}
    </div>
  )
}

function SessionNotice({ notice, onDismiss }: { readonly notice: Notice; readonly onDismiss: () => void }) {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const line = (kind: 'error' | 'info', text: string, next = '', children?: ReactNode) => (
    <NoticeLine kind={kind} sentences={{ text, next }} onDismiss={onDismiss}>
      {children}
    </NoticeLine>
  )
  switch (notice.kind) {
    case 'error': {
      const { error, name } = notice
      const sentences = errorSentences(t, i18n.language, error, name)
      return <NoticeLine kind="error" code={error.code} sentences={sentences} onDismiss={onDismiss} />
    }
    case 'large-clip': {
      const { name, bytes, clipId } = notice
      const text = t('conversations.largeClip', { name, size: formatBytes(bytes, i18n.language) })
      return line(
        'info',
        text,
        '',
        <button type="button" className="button" data-size="small" onClick={() => session.keepCopy(clipId)}>
          {t('conversations.keepCopy')}
        </button>,
      )
    }
    case 'clip-not-kept':
      return line('info', t('conversations.clipNotKept', { name: notice.name }), t('conversations.clipNotKeptNext'))
    case 'not-stored':
      return line('error', t('conversations.notStored'), t('conversations.notStoredNext'))
    case 'no-storage':
      return line('info', t('conversations.noStorage'), t('conversations.noStorageNext'))
    case 'not-a-conversation': {
      const { name } = notice
      return line('error', t('conversations.notAConversation', { name }), t('conversations.notAConversationNext'))
    }
    case 'folder':
      return line('error', t('conversations.folder'), t('conversations.folderNext'))
    case 'no-times':
      return line('info', t('conversations.noTimes'), t('conversations.noTimesNext'))
    case 'refused':
      return line('error', t('conversations.actionFailed'), t('conversations.actionFailedNext'))
  }
}

type LineProps = {
  readonly kind: 'error' | 'info'
  readonly code?: string
  readonly sentences: ErrorSentences
  readonly onDismiss: () => void
  readonly children?: ReactNode
}

function NoticeLine({ kind, code, sentences, onDismiss, children }: LineProps) {
  const { t, i18n } = useTranslation()
  return (
    <div className="notice" data-kind={kind} data-code={code}>
      {kind === 'error' ? <CircleAlert aria-hidden="true" /> : <Info aria-hidden="true" />}
      <p className="notice-text">
        <strong>{sentences.text}</strong>
        {sentenceGap(i18n.language)}
        {sentences.next}
      </p>
      {children}
      <IconButton size="small" label={t('notice.dismiss')} icon={<X />} onClick={onDismiss} />
    </div>
  )
}
