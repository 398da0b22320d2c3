import { FileQuestion, FolderLock } from 'lucide-react'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { FileInput } from './file-input'
import type { Clip } from './reducer'
import { RemoveClip } from './remove-clip'
import { useObjectUrl } from './use-object-url'
import './lost-clip.css'

type Props = {
  readonly clip: Clip
  /** It has tabs above it, from which it can be removed. */
  readonly tabbed: boolean
  /** The person chose the file again. */
  readonly onFile: (file: File) => void
  /** The person lets the browser read the file again. */
  readonly onUnlock: () => void
}

/** A clip whose file is not at hand: why, what was seen of it, and how to get it back. */
export function LostClip({ clip, tabbed, onFile, onUnlock }: Props) {
  const { t } = useTranslation()
  const chooseId = useId()
  const locked = clip.status === 'locked'
  const Icon = locked ? FolderLock : FileQuestion
  return (
    <section className="lost-clip" aria-label={t('clip.region')}>
      <h1 className="clip-name" title={clip.name}>
        {clip.name}
      </h1>
      <div className="lost-clip-box">
        <Icon className="lost-clip-icon" aria-hidden="true" strokeWidth={1.5} />
        <p>{locked ? t('conversations.locked') : t('conversations.missing')}</p>
        <p className="lost-clip-stays">{t('conversations.chatStays')}</p>
        <div className="lost-clip-actions">
          {locked && (
            <button type="button" className="button" data-look="primary" onClick={onUnlock}>
              {t('conversations.unlock')}
            </button>
          )}
          <label htmlFor={chooseId} className="button" data-look={locked ? undefined : 'primary'}>
            <FileInput
              id={chooseId}
              multiple={false}
              onFiles={([file]) => file && onFile(file)}
              aria-label={t('conversations.chooseAgain')}
            />
            <span aria-hidden="true">{t('conversations.chooseAgain')}</span>
          </label>
          {!tabbed && <RemoveClip clip={clip} />}
        </div>
      </div>
      <ul className="lost-clip-frames">
        {Object.values(clip.frames).map((frame) => (
          <li key={frame.index}>
            <Picture blob={frame.thumbnail} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function Picture({ blob }: { readonly blob: Blob }) {
  const url = useObjectUrl(blob)
  return url ? <img src={url} alt="" /> : null
}
