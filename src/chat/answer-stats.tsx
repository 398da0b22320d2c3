import { useTranslation } from 'react-i18next'
import type { AnswerStats, EncodedClip } from '../../workers/protocol'
import { formatNumber, formatSeconds } from '../app/format'
import { Disclosure } from './disclosure'
import './answer-stats.css'

type Props = { readonly stats: AnswerStats; readonly encoded: EncodedClip | null }

/** The figures of an answer, behind a small button. */
export function AnswerStatsView({ stats, encoded }: Props) {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  const place = stats.backend === 'webgpu' ? t('engine.gpu') : t('engine.cpu')
  const rows: (readonly [string, string])[] = [
    [t('stats.first'), formatSeconds(stats.timeToFirstToken, language)],
    [t('stats.speed'), t('stats.perSecond', { value: formatNumber(stats.tokensPerSecond, language, 1) })],
    [t('stats.written'), t('stats.tokens', { count: stats.newTokens })],
    [t('stats.read'), t('stats.reused', { count: stats.promptTokens, reused: stats.reusedTokens })],
    [t('stats.search'), t('stats.beams', { count: stats.beams })],
    [t('stats.runs'), place],
  ]
  if (encoded) {
    rows.push(
      [t('stats.frames'), formatNumber(encoded.timestamps.length, language)],
      [t('stats.looked'), formatSeconds(encoded.timings.total, language)],
    )
  }
  return (
    <Disclosure label={t('stats.show')}>
      <dl className="stats-list tabular">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Disclosure>
  )
}
