import { Trash2 } from 'lucide-react'
import { AlertDialog } from 'radix-ui'
import { useCallback, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { formatBytes } from '../app/format'
import {
  deleteKept,
  type KeptBytes,
  type KeptKind,
  keptKinds,
  measureKept,
  needsReload,
  requestPersistence,
} from './kept'
import './packs.css'

/** Every byte that the app keeps, by kind, each with the way to delete it. */
export function StoragePanel() {
  const { t, i18n } = useTranslation()
  const [kept, setKept] = useState<KeptBytes | null>(null)
  const [failed, setFailed] = useState(false)
  const measure = useCallback(() => measureKept().then(setKept), [])
  useEffect(() => void measure(), [measure])
  const size = (bytes: number) => formatBytes(bytes, i18n.language)
  const remove = async (kinds: readonly KeptKind[]) => {
    setFailed(false)
    try {
      await deleteKept(kinds)
    } catch (thrown) {
      console.warn('not deleted', thrown)
      setFailed(true)
    }
    if (needsReload(kinds)) location.reload()
    else await measure()
  }
  const total = kept ? Object.values(kept.kinds).reduce((sum, bytes) => sum + bytes, 0) : 0
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
                <Delete
                  title={t('storage.deleteKind', { kind: t(`storage.kinds.${kind}`) })}
                  body={t(`storage.loss.${kind}`)}
                  disabled={kept.kinds[kind] === 0}
                  onDelete={() => void remove([kind])}
                />
              </li>
            ))}
          </ul>
          <p className="settings-hint tabular">
            {kept.quota === null
              ? t('storage.total', { total: size(total) })
              : t('storage.totalOf', { total: size(total), quota: size(kept.quota) })}
          </p>
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
            <Delete
              label={t('storage.deleteAll')}
              title={t('storage.deleteAllTitle')}
              body={t('storage.deleteAllBody')}
              disabled={total === 0}
              onDelete={() => void remove(keptKinds)}
            />
          </div>
        </>
      )}
    </div>
  )
}

type DeleteProps = {
  /** Its text; a bin stands for it where there is none. */
  readonly label?: string
  readonly title: string
  /** What goes with it, and what does not come back. */
  readonly body: string
  readonly disabled: boolean
  readonly onDelete: () => void
}

/** A button that deletes once the person has read what that means. */
function Delete({ label, title, body, disabled, onDelete }: DeleteProps) {
  const { t } = useTranslation()
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger
        className="button"
        data-size="small"
        data-look={label ? 'danger' : 'bare'}
        data-icon-only={label ? undefined : true}
        disabled={disabled}
        aria-label={label ? undefined : title}
        title={label ? undefined : title}
      >
        {label ?? <Trash2 aria-hidden="true" />}
      </AlertDialog.Trigger>
      <AlertDialog.Portal>
        <AlertDialog.Overlay className="scrim" data-above />
        <AlertDialog.Content className="dialog" data-above>
          <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
          <AlertDialog.Description>{body}</AlertDialog.Description>
          <div className="dialog-actions">
            <AlertDialog.Cancel className="button">{t('storage.cancel')}</AlertDialog.Cancel>
            <AlertDialog.Action className="button" data-look="danger" onClick={onDelete}>
              {t('storage.delete')}
            </AlertDialog.Action>
          </div>
        </AlertDialog.Content>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  )
}
