import { useTranslation } from 'react-i18next'
import { formatLanguages } from '../app/format'
import { isLanguage } from '../app/i18n'
import { usePack } from '../assistant/hooks'
import './suggestions.css'

const keys = ['happening', 'see', 'where'] as const

/** First questions to press, in a language that the model reads; says so where that is not the page's. */
export function Suggestions({ onAsk }: { readonly onAsk: (question: string) => void }) {
  const { t, i18n } = useTranslation()
  const pack = usePack()
  const spoken = pack?.languages ?? []
  const primary = i18n.language.split('-')[0] ?? i18n.language
  const understood = spoken.length === 0 || spoken.some((tag) => tag.split('-')[0] === primary)
  const asking = i18n.getFixedT(understood ? i18n.language : (spoken.find(isLanguage) ?? 'en'))
  return (
    <div className="suggestions">
      <ul className="suggestions-list" aria-label={t('suggest.label')}>
        {keys.map((key) => {
          const question = asking(`suggest.${key}`)
          return (
            <li key={key}>
              <button type="button" className="button suggestion" onClick={() => onAsk(question)}>
                {question}
              </button>
            </li>
          )
        })}
      </ul>
      {!understood && (
        <p className="suggestions-note">{t('chat.answersIn', { languages: formatLanguages(spoken, i18n.language) })}</p>
      )}
    </div>
  )
}
