import { useEffect, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import type { PackOffer } from '../../workers/protocol'
import { formatBytes, formatLanguages, formatPercent } from '../app/format'
import { summarizeEngine, useEngineState } from '../assistant/hooks'
import { FolderButton } from './folder-button'
import { HubPanel } from './hub-panel'
import { Job } from './job'
import type { PackJob } from './library'
import { library } from './shared-library'
import { useChangePack } from './use-pack'
import './packs.css'

/** The packs on offer: what each is, whether it runs here, and the way to have it. */
export function PacksPanel() {
  const { t } = useTranslation()
  const { offers, jobs, importing } = useSyncExternalStore(library.subscribe, library.getState)
  const engine = summarizeEngine(useEngineState()).status
  // What the engine has fetched is here then; paused it has fetched no more, but this may be the first look.
  useEffect(() => {
    if (engine !== 'paused' || library.getState().offers === null) void library.refresh()
  }, [engine])
  return (
    <div className="settings-row">
      <span className="settings-label" id="packs-label">
        {t('packs.title')}
      </span>
      {offers === null && <p className="settings-hint">{t('packs.looking')}</p>}
      {offers?.length === 0 && <p className="settings-hint">{t('packs.none')}</p>}
      <ul className="packs" aria-labelledby="packs-label">
        {offers?.map((offer) => (
          <PackItem key={offer.packUrl} offer={offer} job={jobs.get(offer.packUrl)} />
        ))}
      </ul>
      <FolderButton
        label={t('packs.import')}
        disabled={importing?.status === 'coming'}
        onChoose={(files) => void library.importFolder(files)}
      />
      <p className="settings-hint">{t('packs.importHint')}</p>
      <Job name={t('packs.import')} job={importing ?? undefined} />
      <HubPanel />
    </div>
  )
}

type ItemProps = { readonly offer: PackOffer; readonly job: PackJob | undefined }

function PackItem({ offer, job }: ItemProps) {
  const { t, i18n } = useTranslation()
  const changePack = useChangePack()
  const state = useEngineState()
  const { name, version, languages, licence, bytes, present, fitness, imported } = offer
  const inUse = state.packUrl === offer.packUrl
  // The engine fetches the same files then, and stops and goes on by its own button.
  const fetchedByEngine = inUse && ['loading', 'paused'].includes(summarizeEngine(state).status)
  const complete = present >= bytes
  const size = (value: number) => formatBytes(value, i18n.language)
  const use = () => changePack(offer.packUrl)
  return (
    <li className="pack" data-in-use={inUse}>
      <p className="pack-name">
        {t('packs.name', { name, version })}
        {inUse && <span className="pack-mark">{t('packs.inUse')}</span>}
      </p>
      <p className="settings-hint tabular">
        {[
          formatLanguages(languages, i18n.language),
          size(bytes),
          fitness.backend === 'webgpu' ? t('packs.onGpu') : fitness.backend === 'wasm' ? t('packs.onCpu') : null,
          complete || present === 0
            ? null
            : t('packs.part', { percent: formatPercent(present / bytes, i18n.language) }),
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {licence && <p className="settings-hint">{t('packs.licence', { licence })}</p>}
      {fitness.problems.map((problem) => (
        <p key={problem} className="pack-problem">
          {t(`packs.problems.${problem}`)}
        </p>
      ))}
      <Job name={name} job={job} />
      <div className="pack-actions">
        {!inUse && complete && fitness.runs && (
          <button type="button" className="button" data-size="small" onClick={use}>
            {t('packs.use', { name })}
          </button>
        )}
        {!complete && !fetchedByEngine && job?.status !== 'coming' && fitness.runs && (
          <button
            type="button"
            className="button"
            data-size="small"
            onClick={() => void library.download(offer.packUrl)}
          >
            {present > 0 ? t('packs.resume', { name }) : t('packs.get', { name })}
          </button>
        )}
        {job?.status === 'coming' && (
          <button type="button" className="button" data-size="small" onClick={() => library.pause(offer.packUrl)}>
            {t('packs.pause', { name })}
          </button>
        )}
        {imported && !inUse && (
          <button
            type="button"
            className="button"
            data-size="small"
            data-look="danger"
            onClick={() => void library.remove(offer.packUrl)}
          >
            {t('packs.remove', { name })}
          </button>
        )}
      </div>
    </li>
  )
}
