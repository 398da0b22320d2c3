import { useCallback, useEffect, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { formatBytes } from '../app/format'
import { DeleteButton } from './delete-button'
import { HubFiles } from './hub-files'
import {
  deleteCopies,
  deleteKept,
  type KeptBytes,
  type KeptKind,
  keptKinds,
  measureKept,
  needsReload,
  requestPersistence,
} from './kept'
import { KeptCopies } from './kept-copies'
import { library } from './shared-library'
import './packs.css'

/** Every byte that the app keeps, by kind, each with the way to delete it. */
export function StoragePanel() {
  const { t, i18n } = useTranslation()
  const [kept, setKept] = useState<KeptBytes | null>(null)
  const [failed, setFailed] = useState(false)
  const measure = useCallback(() => measureKept().then(setKept), [])
  const { hub } = useSyncExternalStore(library.subscribe, library.getState)
  // Looked at anew whenever something has come, or gone.
  // biome-ignore lint/correctness/useExhaustiveDependencies: what it holds does not matter, only that it is another
  useEffect(() => void measure(), [measure, hub])
  const size = (bytes: number) => formatBytes(bytes, i18n.language)
  const attempt = async (deletion: Promise<void>) => {
    setFailed(false)
    try {
      await deletion
    } catch (thrown) {
      console.warn('not deleted', thrown)
      setFailed(true)
    }
  }
  const remove = async (kinds: readonly KeptKind[]) => {
    await attempt(deleteKept(kinds))
    if (needsReload(kinds)) location.reload()
    else await library.refresh()
  }
  const listed = kept ? Object.values(kept.kinds).reduce((sum, bytes) => sum + bytes, 0) : 0
  const total = listed + (kept?.rest ?? 0)
  return (
    <div className="settings-row">
      <span className="settings-label" id="storage-label">
        {t('storage.title')}
      </span>
      {!kept && <p className="settings-hint">{t('storage.measuring')}</p>}
      {kept && (
        <>
          <ul className="kept" aria-labelledby="storage-label">
            {keptKinds.map((kind) => (
              <li key={kind} className="kept-row" data-kind={kind}>
                <span>{t(`storage.kinds.${kind}`)}</span>
                <span className="tabular">{size(kept.kinds[kind])}</span>
                <DeleteButton
                  title={t('storage.deleteKind', { kind: t(`storage.kinds.${kind}`) })}
                  body={t(`storage.loss.${kind}`)}
                  disabled={kept.kinds[kind] === 0}
                  onDelete={() => void remove([kind])}
                />
                {kind === 'packs' && <HubFiles />}
                {kind === 'copies' && kept.copies.length > 0 && (
                  <KeptCopies
                    copies={kept.copies}
                    onDelete={(clipId) => void attempt(deleteCopies([clipId])).then(measure)}
                  />
                )}
              </li>
            ))}
          </ul>
          <p className="settings-hint tabular">
            {kept.quota === null
              ? t('storage.total', { total: size(total) })
              : t('storage.totalOf', { total: size(total), quota: size(kept.quota) })}
          </p>
          {kept.rest > 0 && <p className="settings-hint tabular">{t('kept.rest', { size: size(kept.rest) })}</p>}
          {failed && (
            <p className="pack-problem" role="alert">
              {t('storage.failed')}
            </p>
          )}
          <p className="settings-hint">{kept.persisted ? t('storage.persisted') : t('storage.notPersisted')}</p>
          <div className="pack-actions">
            {!kept.persisted && (
              <button
                type="button"
                className="button"
                data-size="small"
                onClick={() => void requestPersistence().then(measure)}
              >
                {t('storage.persist')}
              </button>
            )}
            <DeleteButton
              label={t('storage.deleteAll')}
              title={t('storage.deleteAllTitle')}
              body={t('storage.deleteAllBody')}
              disabled={listed === 0}
              onDelete={() => void remove(keptKinds)}
            />
          </div>
        </>
      )}
    </div>
  )
}
