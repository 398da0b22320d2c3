import { useTranslation } from 'react-i18next'
import type { MediaInfo } from '../../workers/protocol'
import { formatLanguages } from '../app/format'
import { isLanguage } from '../app/i18n'
import { usePack } from '../assistant/hooks'
import './suggestions.css'

/** What a small model answers well: the scene and its subject, rather than counts or causes. */
const keys = { video: ['happening', 'outdoors'], image: ['see', 'where'] } as const

type Props = {
  readonly kind: MediaInfo['kind']
  readonly onAsk: (question: string) => void
}

/** First questions to press, in a language that the model reads; says so where that is not the page's. */
export function Suggestions({ kind, onAsk }: Props) {
  const { t, i18n } = useTranslation()
  const pack = usePack()
  const spoken = pack?.languages ?? []
  const primary = i18n.language.split('-')[0] ?? i18n.language
  const understood = spoken.length === 0 || spoken.some((tag) => tag.split('-')[0] === primary)
  const asked = understood ? i18n.language : (spoken.find(isLanguage) ?? 'en')
  const { t: asking } = useTranslation(undefined, { lng: asked })
  // What the pack was taught to answer best comes first, in the pack's own words.
  const taught = kind === 'image' ? pack?.describeImage : pack?.describeVideo
  const questions = [...(taught ? [taught] : []), ...keys[kind].map((key) => asking(`suggest.${key}`))]
  return (
    <div className="suggestions">
      <p className="suggestions-lead">{t('chat.empty')}</p>
      <ul className="suggestions-list" aria-label={t('suggest.label')}>
        {questions.map((question) => (
          <li key={question} lang={asked}>
            <button type="button" className="button suggestion" onClick={() => onAsk(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
      {!understood && (
        <p className="suggestions-note">{t('chat.answersIn', { languages: formatLanguages(spoken, i18n.language) })}</p>
      )}
    </div>
  )
}
