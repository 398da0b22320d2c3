import { Clapperboard } from 'lucide-react'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { RecordButtons } from '../recording/record-buttons'
import { FileInput } from './file-input'
import './drop-zone.css'

type Props = { readonly onFiles: (files: File[]) => void }

/** Where a clip is chosen or recorded. Dropping works on the whole window (DropOverlay); this says so. */
export function DropZone({ onFiles }: Props) {
  const { t } = useTranslation()
  const id = useId()
  return (
    <div className="drop-zone">
      <label className="drop-zone-target" htmlFor={id}>
        <FileInput id={id} onFiles={onFiles} aria-label={t('welcome.choose')} />
        <Clapperboard className="drop-zone-icon" aria-hidden="true" strokeWidth={1.5} />
        <span className="drop-zone-text drop-zone-drop">{t('welcome.drop')}</span>
        <span className="drop-zone-text drop-zone-pick">{t('welcome.pick')}</span>
        <span className="drop-zone-formats">{t('welcome.formats')}</span>
        <span className="button" data-look="primary" aria-hidden="true">
          {t('welcome.choose')}
        </span>
      </label>
      <RecordButtons />
    </div>
  )
}
