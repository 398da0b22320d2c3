import { FolderOpen, X } from 'lucide-react'
import { Suspense, useId } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '../app/icon-button'
import { lazyPart } from '../app/lazy-part'
import { Meter } from '../app/meter'
import { useEmbedsTexts, useEngineState, usePack } from '../assistant/hooks'
import { RecordMenu } from '../recording/record-menu'
import { FileInput } from './file-input'
import { FrameStrip } from './frame-strip'
import { PackNotice } from './pack-notice'
import { Player } from './player'
import type { Clip } from './reducer'
import { RemoveClip } from './remove-clip'
import './clip-panel.css'

// Nobody needs it before there is a clip.
const FindMoment = lazyPart(async () => (await import('../moments/find-moment')).default, { whenShown: true })
const ClipPooling = lazyPart(async () => (await import('../packs/clip-pooling')).default, { whenShown: true })

type Props = {
  readonly clip: Clip
  /** It has tabs above it, which name it, close it and open others. */
  readonly tabbed: boolean
  readonly onFiles: (files: File[]) => void
  readonly onClose: () => void
}

/** The clip that is talked about: player, what was looked at, how far that is. */
export function ClipPanel({ clip, tabbed, onFiles, onClose }: Props) {
  const { t } = useTranslation()
  const openId = useId()
  const hub = usePack()?.hub
  const findsMoments = useEmbedsTexts()
  return (
    <section className="clip-panel" aria-label={t('clip.region')}>
      {tabbed ? (
        <h1 className="visually-hidden">{clip.name}</h1>
      ) : (
        <div className="clip-head">
          <h1 className="clip-name" title={clip.name}>
            {clip.name}
          </h1>
          <label htmlFor={openId} className="button clip-open" data-look="bare" data-icon-only title={t('clip.open')}>
            <FileInput id={openId} onFiles={onFiles} aria-label={t('clip.open')} />
            <FolderOpen aria-hidden="true" />
          </label>
          <RecordMenu />
          <RemoveClip clip={clip} />
          <IconButton label={t('clip.close')} icon={<X />} onClick={onClose} />
        </div>
      )}
      <Player key={clip.id} clip={clip} />
      <div className="clip-below">
        {clip.media?.kind === 'video' && findsMoments && (
          <div className="clip-find">
            <Suspense>
              <FindMoment clip={clip} />
            </Suspense>
          </div>
        )}
        {clip.media?.kind !== 'image' && clip.timestamps.length > 0 && <FrameStrip clip={clip} />}
        <ClipProgress clip={clip} />
        {hub && (
          <Suspense>
            <ClipPooling clip={clip} pack={hub} />
          </Suspense>
        )}
        <PackNotice clip={clip} />
      </div>
    </section>
  )
}

/** One line: what is being done with the clip, in numbers as soon as there are any. */
function ClipProgress({ clip }: { readonly clip: Clip }) {
  const { t } = useTranslation()
  const { vision } = useEngineState()
  const total = clip.timestamps.length
  const done = Object.keys(clip.frames).length
  const text = () => {
    if (clip.status === 'ready')
      return clip.media?.kind === 'image' ? t('clip.readyImage') : t('clip.ready', { count: total })
    if (vision.status !== 'ready') return t('clip.waitingForVision', { name: clip.name })
    if (clip.status === 'planning') return t('clip.planning')
    if (clip.status === 'encoding') return t('clip.encoding', { done: Math.min(done + 1, total), total })
    return t('clip.opening', { name: clip.name })
  }
  return (
    <div className="clip-progress" data-status={clip.status}>
      <p className="tabular">{text()}</p>
      {clip.status === 'encoding' && <Meter label={t('clip.frames')} share={done / total} />}
    </div>
  )
}
