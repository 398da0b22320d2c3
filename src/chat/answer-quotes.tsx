import { useTranslation } from 'react-i18next'
import { usePack } from '../assistant/hooks'
import { Disclosure } from './disclosure'
import './answer-quotes.css'

type Props = { readonly quotes: readonly string[]; readonly order: readonly string[] | undefined }

/**
 * What the model had before it beside the clip: captions of similar scenes, where a strange word in its answer may come from,
 * and which of the question's phrases the frames show first.
 */
export function AnswerQuotes({ quotes, order }: Props) {
  const { t } = useTranslation()
  const pack = usePack()
  return (
    <Disclosure label={t(order ? 'quotes.showWithOrder' : 'quotes.show')}>
      {order && (
        <>
          <p className="quotes-intro">{t('quotes.order')}</p>
          <ol className="quotes-list">
            {order.map((phrase) => (
              <li key={phrase}>
                <q>{phrase}</q>
              </li>
            ))}
          </ol>
        </>
      )}
      {quotes.length > 0 && (
        <>
          <p className="quotes-intro">{t('quotes.intro')}</p>
          <ul className="quotes-list">
            {quotes.map((quote) => (
              <li key={quote}>
                {/* The store's own language, whatever the page speaks. */}
                <q lang="en">{quote}</q>
              </li>
            ))}
          </ul>
        </>
      )}
      {quotes.length > 0 && pack?.captionSource && (
        <p className="quotes-source">
          {t('quotes.source', { source: pack.captionSource, licence: pack.captionLicence })}
        </p>
      )}
    </Disclosure>
  )
}
