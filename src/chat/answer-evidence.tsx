import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { formatTime, needsTenths } from '../app/format'
import { playhead } from '../clip/playhead'
import type { Clip } from '../clip/reducer'
import { useObjectUrl } from '../clip/use-object-url'
import type { Evidence } from '../moments/evidence'
import './answer-evidence.css'

type Props = { readonly evidence: Evidence; readonly clip: Clip }

/** The frames that an answer speaks of: pointing at one marks it in the strip, pressing it goes there. */
export function AnswerEvidence({ evidence, clip }: Props) {
  const { t } = useTranslation()
  const labelId = useId()
  const fine = needsTenths(clip.timestamps)
  const thumbnails = Object.values(clip.frames)
  const pointed = (timestamps: readonly number[]) => () => playhead.point(clip.id, timestamps)
  return (
    <div className="evidence">
      <p className="evidence-label" id={labelId}>
        {evidence.unsure ? t('moments.evidenceUnsure') : t('moments.evidence')}
      </p>
      <ul className="evidence-frames" aria-labelledby={labelId}>
        {evidence.frames.map(({ timestamp }) => {
          const time = formatTime(timestamp, fine)
          const frame = thumbnails.find((candidate) => candidate.timestamp === timestamp)
          return (
            <li key={timestamp}>
              <button
                type="button"
                className="evidence-frame"
                aria-label={t('clip.seek', { time })}
                onPointerEnter={pointed([timestamp])}
                onPointerLeave={pointed([])}
                onFocus={pointed([timestamp])}
                onBlur={pointed([])}
                onClick={() => playhead.seek(clip.id, timestamp)}
              >
                <Thumbnail blob={frame?.thumbnail} />
                <span className="evidence-time">{time}</span>
              </button>
            </li>
          )
        })}
      </ul>
    </div>
  )
}

/** An empty place until the frame is there. */
function Thumbnail({ blob }: { readonly blob: Blob | undefined }) {
  const url = useObjectUrl(blob)
  return <span className="evidence-picture">{url && <img src={url} alt="" draggable={false} />}</span>
}
