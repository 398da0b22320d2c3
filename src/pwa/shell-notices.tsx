import { CircleAlert, Info, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { sentenceGap } from '../app/format'
import { IconButton } from '../app/icon-button'
import { useUpdate } from './context'
import { type ShareFailure, takeLaunchedFiles, takeSharedFiles } from './incoming-files'
import '../app/notices.css'

const shareSentences = {
  nothing: { text: 'shell.shareNothing', next: 'shell.shareNothingNext' },
  failed: { text: 'shell.shareFailed', next: 'shell.shareFailedNext' },
} as const

/** What the installed app has to say: a newer version, or a share that brought nothing. Takes the files it is opened with. */
export function ShellNotices() {
  const session = useSession()
  const [failure, setFailure] = useState<ShareFailure | null>(null)
  useEffect(() => {
    takeLaunchedFiles(session.openFiles)
    void takeSharedFiles(new URL(location.href), session.openFiles).then((outcome) => outcome && setFailure(outcome))
  }, [session])
  return (
    <>
      <UpdateNotice />
      {failure && <ShareNotice failure={failure} onDismiss={() => setFailure(null)} />}
    </>
  )
}

function UpdateNotice() {
  const { t, i18n } = useTranslation()
  const { state, apply } = useUpdate()
  const [dismissed, setDismissed] = useState<typeof state>('none')
  const shown = state !== 'none' && state !== dismissed
  return (
    <div role="status">
      {shown && (
        <div className="notice" data-update={state}>
          <Info aria-hidden="true" />
          {state === 'agreed' ? (
            <p className="notice-text">{t('shell.updateAgreed')}</p>
          ) : (
            <>
              <p className="notice-text">
                <strong>{t(state === 'ready' ? 'shell.updateReady' : 'shell.updateElsewhere')}</strong>
                {sentenceGap(i18n.language)}
                {t(state === 'ready' ? 'shell.updateReadyNext' : 'shell.updateElsewhereNext')}
              </p>
              <button type="button" className="button" data-size="small" onClick={apply}>
                {t(state === 'ready' ? 'shell.update' : 'shell.reload')}
              </button>
              <IconButton size="small" label={t('notice.dismiss')} icon={<X />} onClick={() => setDismissed(state)} />
            </>
          )}
        </div>
      )}
    </div>
  )
}

function ShareNotice({ failure, onDismiss }: { readonly failure: ShareFailure; readonly onDismiss: () => void }) {
  const { t, i18n } = useTranslation()
  const { text, next } = shareSentences[failure]
  return (
    <div role="alert">
      <div className="notice" data-kind="error" data-share={failure}>
        <CircleAlert aria-hidden="true" />
        <p className="notice-text">
          <strong>{t(text)}</strong>
          {sentenceGap(i18n.language)}
          {t(next)}
        </p>
        <IconButton size="small" label={t('notice.dismiss')} icon={<X />} onClick={onDismiss} />
      </div>
    </div>
  )
}
