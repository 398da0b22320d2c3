import { useTranslation } from 'react-i18next'
import { summarizeEngine, useEngineState } from '../assistant/hooks'
import { useSessionState } from './context'

/** Tells screen readers of finished answers and changes of state, in one polite region; never of single tokens. */
export function Announcer() {
  const { t } = useTranslation()
  const { announcement } = useSessionState()
  const engineReady = summarizeEngine(useEngineState()).status === 'ready'
  const text = () => {
    switch (announcement?.kind) {
      case 'clip-ready':
        return t('announce.clipReady', { name: announcement.name })
      case 'answer':
        return announcement.text || t('chat.nothing')
      case 'stopped':
        return t('announce.stopped')
      case undefined:
        return engineReady ? t('announce.engineReady') : ''
    }
  }
  return (
    <div className="visually-hidden" role="status" aria-live="polite" aria-atomic="true">
      {text()}
    </div>
  )
}
