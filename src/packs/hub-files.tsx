import { useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { formatBytes } from '../app/format'
import { Disclosure } from '../chat/disclosure'
import { DeleteButton } from './delete-button'
import { library, removeFromHub } from './shared-library'

/** Of the models' files, those of the hub one by one, each with the way to delete it; nothing where there are none. */
export function HubFiles() {
  const { t, i18n } = useTranslation()
  const { hub } = useSyncExternalStore(library.subscribe, library.getState)
  const held = hub?.filter(({ present }) => present > 0) ?? []
  if (held.length === 0) return null
  return (
    <div className="kept-copies">
      <Disclosure label={t('hub.files', { count: held.length })}>
        <ul className="kept">
          {held.map(({ repository, name, present }) => (
            <li key={repository} className="kept-row">
              <span className="kept-copy">
                {name}
                {repository !== name && <span className="settings-hint">{repository}</span>}
              </span>
              <span className="tabular">{formatBytes(present, i18n.language)}</span>
              <DeleteButton
                title={t('hub.deleteTitle', { name })}
                body={t('hub.deleteBody')}
                onDelete={() => removeFromHub(repository)}
              />
            </li>
          ))}
        </ul>
      </Disclosure>
    </div>
  )
}
