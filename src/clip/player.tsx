import { type RefObject, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Clip } from './reducer'
import { useObjectUrl } from './use-object-url'
import './player.css'

type Props = {
  readonly clip: Clip
  readonly video: RefObject<HTMLVideoElement | null>
  /** The present moment of the player, in seconds. */
  readonly onTime: (seconds: number) => void
}

/** The clip itself, played by the browser from the person's own file. */
export function Player({ clip, video, onTime }: Props) {
  const { t } = useTranslation()
  const url = useObjectUrl(clip.file)
  const [unplayable, setUnplayable] = useState(false)
  const isImage = clip.media ? clip.media.kind === 'image' : clip.file?.type.startsWith('image/')
  const onVideoTime = () => video.current && onTime(video.current.currentTime)

  return (
    <figure className="player">
      <div className="player-stage">
        {url && isImage && <img src={url} alt={t('clip.picture', { name: clip.name })} />}
        {url && !isImage && (
          // biome-ignore lint/a11y/useMediaCaption: the person's own file, of which no captions exist
          <video
            ref={video}
            src={url}
            controls
            playsInline
            preload="auto"
            aria-label={t('clip.player', { name: clip.name })}
            onTimeUpdate={onVideoTime}
            onSeeking={onVideoTime}
            onLoadedData={() => setUnplayable(false)}
            onError={() => setUnplayable(true)}
          />
        )}
      </div>
      {unplayable && !isImage && clip.media && <figcaption className="player-note">{t('clip.unplayable')}</figcaption>}
    </figure>
  )
}
