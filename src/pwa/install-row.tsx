import { Download } from 'lucide-react'
import { useContext, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { InstallContext } from './context'

const silent = () => () => {}

/** A line of the settings: installing the page as an app, where that is possible and not done. */
export function InstallRow() {
  const { t } = useTranslation()
  const offer = useContext(InstallContext)
  const state = useSyncExternalStore(offer?.subscribe ?? silent, offer?.getState ?? (() => 'none'))
  if (state === 'none') return null
  return (
    <section className="settings-row" aria-labelledby="install-label" data-install={state}>
      <span className="settings-label" id="install-label">
        {t('install.title')}
      </span>
      <p className="settings-hint">{t(state === 'offered' ? 'install.hint' : 'install.byHand')}</p>
      {state === 'offered' && (
        <button type="button" className="button" onClick={() => void offer?.prompt()}>
          <Download aria-hidden="true" />
          {t('install.action')}
        </button>
      )}
    </section>
  )
}
