import { useTranslation } from 'react-i18next'
import { type HubOffer, ValleyError } from '../../workers/protocol'
import { formatBytes, formatLanguages, formatList, formatPercent, sentenceGap } from '../app/format'
import { Reason } from './job'

type Props = {
  readonly offer: HubOffer
  /** null: the hub was not asked. */
  readonly family: string | null
  readonly inUse: boolean
}

/** What a repository's model is, what this device needs for it, and whether it has that. */
export function HubFacts({ offer, family, inUse }: Props) {
  const { t, i18n } = useTranslation()
  const { repository, name, commit, languages, licence, bytes, present, fitness, unconfirmed } = offer
  const { backend, shaderF16, buffer, memory, problems, runs } = fitness
  const size = (value: number) => formatBytes(value, i18n.language)
  const needs = [
    memory !== null && t('hub.needs.memory', { size: size(memory) }),
    buffer !== null && t('hub.needs.buffer', { size: size(buffer) }),
    shaderF16 && t('hub.needs.f16'),
  ].filter((need) => need !== false)
  const open = fields.filter((field) => unconfirmed.some((path) => path.split('.')[0] === field))
  const notes = [
    runs === null && t('hub.mayRun'),
    open.length > 0 &&
      t('hub.unconfirmed', {
        fields: formatList(
          open.map((field) => t(`hub.fields.${field}`)),
          i18n.language,
        ),
      }),
  ].filter((note) => note !== false)
  return (
    <>
      <p className="pack-name">
        {name}
        {inUse && <span className="pack-mark">{t('packs.inUse')}</span>}
      </p>
      <p className="settings-hint hub-repository" translate="no">
        {name === repository ? '' : repository}
        {commit && `@${commit.slice(0, 7)}`}
      </p>
      <p className="settings-hint tabular">
        {[
          languages.length > 0 ? formatLanguages(languages, i18n.language) : t('hub.noLanguages'),
          bytes === null ? t('hub.sizeUnknown') : size(bytes),
          backend && t(backend === 'webgpu' ? 'packs.onGpu' : 'packs.onCpu'),
          family && t('hub.family', { family }),
          bytes !== null &&
            present > 0 &&
            present < bytes &&
            t('packs.part', { percent: formatPercent(present / bytes, i18n.language) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <p className="settings-hint tabular">
        {[
          licence ? t('packs.licence', { licence }) : t('hub.noLicence'),
          needs.length > 0 && t('hub.needs.all', { needs: formatList(needs, i18n.language) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {notes.length > 0 && <p className="settings-hint">{notes.join(sentenceGap(i18n.language))}</p>}
      {problems.map(({ code, data }) => (
        <p key={code} className="pack-problem">
          <Reason error={new ValleyError(code, data)} />
        </p>
      ))}
    </>
  )
}

/** Of a catalogue's entry, what may be unconfirmed. */
const fields = ['revision', 'languages', 'parts'] as const
