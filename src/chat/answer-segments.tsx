import { useTranslation } from 'react-i18next'
import { formatTime, needsTenths } from '../app/format'
import { useAnswerLanguage } from '../assistant/hooks'
import type { Clip } from '../clip/reducer'
import type { Segment } from '../moments/segments'
import { TimeButton } from '../moments/time-button'
import './answer-segments.css'

type Props = { readonly segments: readonly Segment[]; readonly clip: Clip | null }

/** What was said of each part of a clip; the time before it goes there. */
export function AnswerSegments({ segments, clip }: Props) {
  const { t } = useTranslation()
  const language = useAnswerLanguage()
  const fine = needsTenths(segments.map(({ start }) => start))
  return (
    <ol className="segments-answer" aria-label={t('moments.byParts')}>
      {segments.map(({ start, text }) => (
        <li key={start}>
          {clip ? (
            <TimeButton clipId={clip.id} seconds={start}>
              {formatTime(start, fine)}
            </TimeButton>
          ) : (
            <span className="tabular">{formatTime(start, fine)}</span>
          )}
          <span lang={language}>{text}</span>
        </li>
      ))}
    </ol>
  )
}
