import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { playhead } from './playhead'
import type { Clip } from './reducer'
import { useObjectUrl } from './use-object-url'
import './player.css'

/** The clip itself, played by the browser from the person's own file. It goes where the playhead is sent. */
export function Player({ clip }: { readonly clip: Clip }) {
  const { t } = useTranslation()
  const video = useRef<HTMLVideoElement>(null)
  const url = useObjectUrl(clip.file)
  const [unplayable, setUnplayable] = useState(false)
  const isImage = clip.media ? clip.media.kind === 'image' : clip.file?.type.startsWith('image/')
  const onVideoTime = () => video.current && playhead.report(clip.id, video.current.currentTime)
  useEffect(
    () =>
      playhead.attach(clip.id, (seconds) => {
        if (video.current) video.current.currentTime = seconds
      }),
    [clip.id],
  )

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
