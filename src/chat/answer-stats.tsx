import { useTranslation } from 'react-i18next'
import { formatNumber, formatSeconds } from '../app/format'
import type { Clip } from '../clip/reducer'
import { Disclosure } from './disclosure'
import type { ChatTurn } from './reducer'
import './answer-stats.css'

type Props = {
  readonly turn: Pick<ChatTurn, 'stats' | 'pack'>
  readonly clip: Pick<Clip, 'encoded' | 'pack'> | null
}

/** The figures of an answer and the pack that gave it, behind a small button; nothing where neither is known. */
export function AnswerStatsView({ turn: { stats, pack }, clip }: Props) {
  const { t, i18n } = useTranslation()
  const { language } = i18n
  const rows: (readonly [string, string])[] = []
  if (pack) rows.push([t('packs.title'), t('packs.name', pack)])
  if (stats) {
    rows.push(
      [t('stats.first'), formatSeconds(stats.timeToFirstToken, language)],
      [t('stats.speed'), t('stats.perSecond', { value: formatNumber(stats.tokensPerSecond, language, 1) })],
      [t('stats.written'), t('stats.tokens', { count: stats.newTokens })],
      [t('stats.read'), t('stats.reused', { count: stats.promptTokens, reused: stats.reusedTokens })],
      [t('stats.search'), t('stats.beams', { count: stats.beams })],
      [t('stats.runs'), stats.backend === 'webgpu' ? t('engine.gpu') : t('engine.cpu')],
    )
  }
  if (rows.length === 0) return null
  const encoded = clip?.encoded
  // The clip may have been looked at again since, by another pack.
  if (stats && encoded && pack?.hash === clip.pack?.hash) {
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
