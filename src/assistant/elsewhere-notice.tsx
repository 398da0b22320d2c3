import { AppWindow } from 'lucide-react'
import { createContext, useContext, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { sentenceGap } from '../app/format'
import type { EngineOwner } from './engine-owner'

/** null: the engine is this tab's alone, as in tests. */
export const EngineOwnerContext = createContext<EngineOwner | null>(null)

/** Says that another tab has the engine, and lets this one take it. Chats and clips can be looked at meanwhile. */
export function ElsewhereNotice() {
  const owner = useContext(EngineOwnerContext)
  return owner && <OwnerNotice owner={owner} />
}

function OwnerNotice({ owner }: { readonly owner: EngineOwner }) {
  const { t, i18n } = useTranslation()
  const ownership = useSyncExternalStore(owner.subscribe, owner.getState)
  return (
    <div className="notices" role="status">
      {ownership === 'elsewhere' && (
        <div className="notice" data-kind="elsewhere">
          <AppWindow aria-hidden="true" />
          <p className="notice-text">
            <strong>{t('tabs.elsewhere')}</strong>
            {sentenceGap(i18n.language)}
            {t('tabs.waits')}
          </p>
          <button type="button" className="button" data-size="small" onClick={owner.takeOver}>
            {t('tabs.takeOver')}
          </button>
        </div>
      )}
    </div>
  )
}
