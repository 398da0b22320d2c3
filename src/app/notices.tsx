import { CircleAlert, Info, X } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ValleyError } from '../../workers/protocol'
import { useEngine, useEngineState } from '../assistant/hooks'
import { useSession, useSessionState } from './context'
import { errorSentences } from './error-text'
import { IconButton } from './icon-button'
import './notices.css'

/** What went wrong, as sentences, above everything; the chat under it stays as it is. */
export function Notices() {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const { notices } = useSessionState()
  const engine = useEngine()
  const { vision, language } = useEngineState()
  const [dismissed, setDismissed] = useState<ValleyError | null>(null)
  const broken = vision.status === 'failed' ? vision.error : language.status === 'failed' ? language.error : null
  const sentences = (error: ValleyError, name?: string) => errorSentences(t, i18n.language, error, name)
  return (
    <div className="notices" role="alert">
      {broken && broken !== dismissed && (
        <div className="notice" data-kind="error" data-code={broken.code}>
          <CircleAlert aria-hidden="true" />
          <p className="notice-text">
            <strong>{sentences(broken).text}</strong> {sentences(broken).next}
          </p>
          <button type="button" className="button" data-size="small" onClick={() => engine.retry()}>
            {t('engine.retry')}
          </button>
          <IconButton size="small" label={t('notice.dismiss')} icon={<X />} onClick={() => setDismissed(broken)} />
        </div>
      )}
      {notices.map((notice) => (
        <div
          key={notice.id}
          className="notice"
          data-kind={notice.kind}
          data-code={notice.kind === 'error' ? notice.error.code : undefined}
        >
          {notice.kind === 'error' ? <CircleAlert aria-hidden="true" /> : <Info aria-hidden="true" />}
          <p className="notice-text">
            {notice.kind === 'error' ? (
              <>
                <strong>{sentences(notice.error, notice.name).text}</strong> {sentences(notice.error, notice.name).next}
              </>
            ) : (
              t('notice.oneClip', { files: notice.count, name: notice.name })
            )}
          </p>
          <IconButton
            size="small"
            label={t('notice.dismiss')}
            icon={<X />}
            onClick={() => session.dismiss(notice.id)}
          />
        </div>
      ))}
    </div>
  )
}
