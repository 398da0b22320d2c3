import { useTranslation } from 'react-i18next'
import type { ValleyError } from '../../workers/protocol'
import { errorSentences } from '../app/error-text'
import { formatBytes, sentenceGap } from '../app/format'
import { Meter } from '../app/meter'
import type { PackJob } from './library'

/** How far a pack has come, or why it does not. */
export function Job({ name, job }: { readonly name: string; readonly job: PackJob | undefined }) {
  const { t, i18n } = useTranslation()
  if (!job) return null
  if (job.status === 'failed') return <Failure error={job.error} />
  const size = (value: number) => formatBytes(value, i18n.language)
  return (
    <>
      <Meter label={name} share={job.total > 0 ? job.done / job.total : 0} />
      <p className="settings-hint tabular">{t('packs.coming', { done: size(job.done), total: size(job.total) })}</p>
    </>
  )
}

/** What went wrong and what to do, announced as it comes up. */
export function Failure({ error }: { readonly error: ValleyError }) {
  return (
    <p className="pack-problem" role="alert">
      <Reason error={error} />
    </p>
  )
}

/** An error in words. */
export function Reason({ error }: { readonly error: ValleyError }) {
  const { t, i18n } = useTranslation()
  return Object.values(errorSentences(t, i18n.language, error)).join(sentenceGap(i18n.language))
}
