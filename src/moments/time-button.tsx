import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { formatTime } from '../app/format'
import { playhead } from '../clip/playhead'
import './time-button.css'

type Props = {
  readonly clipId: string
  readonly seconds: number
  /** As it stands in the text, where it is to stay so. */
  readonly children?: ReactNode
}

/** A moment in text: pressing it goes there. */
export function TimeButton({ clipId, seconds, children }: Props) {
  const { t } = useTranslation()
  const time = formatTime(seconds)
  return (
    <button
      type="button"
      className="time-button"
      aria-label={t('clip.seek', { time })}
      onClick={() => playhead.seek(clipId, seconds)}
    >
      {children ?? time}
    </button>
  )
}
