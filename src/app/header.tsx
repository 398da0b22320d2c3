import { useTranslation } from 'react-i18next'
import { ConversationDrawer } from '../conversations/rail'
import { EngineStatus } from './engine-status'
import { Logo } from './logo'
import { SettingsDialog } from './settings-dialog'
import './header.css'

/** The bar at the top: name, model status, settings. */
export function Header() {
  const { t } = useTranslation()
  return (
    <header className="header">
      <a className="header-skip" href="#question">
        {t('app.skip')}
      </a>
      <ConversationDrawer />
      <span className="header-name">
        <Logo />
        Valley
      </span>
      <EngineStatus />
      <SettingsDialog />
    </header>
  )
}
