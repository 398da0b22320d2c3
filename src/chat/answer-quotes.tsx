import { useTranslation } from 'react-i18next'
import { usePack } from '../assistant/hooks'
import { Disclosure } from './disclosure'
import './answer-quotes.css'

type Props = { readonly quotes: readonly string[] }

/** The captions of similar scenes that the model had before it: where a strange word in its answer may come from. */
export function AnswerQuotes({ quotes }: Props) {
  const { t } = useTranslation()
  const pack = usePack()
  return (
    <Disclosure label={t('quotes.show')}>
      <p className="quotes-intro">{t('quotes.intro')}</p>
      <ul className="quotes-list">
        {quotes.map((quote) => (
          <li key={quote}>
            {/* The store's own language, whatever the page speaks. */}
            <q lang="en">{quote}</q>
          </li>
        ))}
      </ul>
      {pack?.captionSource && (
        <p className="quotes-source">
          {t('quotes.source', { source: pack.captionSource, licence: pack.captionLicence })}
        </p>
      )}
    </Disclosure>
  )
}
