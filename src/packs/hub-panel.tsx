import { useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import packsText from '../../docs/packs.md?url'
import { hubAddress, hubRepository } from '../../workers/protocol'
import { useSettings } from '../app/context'
import { useEngineValue } from '../assistant/hooks'
import { Disclosure } from '../chat/disclosure'
import { HubAddress } from './hub-address'
import { HubItem } from './hub-item'
import { HubName } from './hub-name'
import { library } from './shared-library'
import './hub.css'

/** Models that other people publish on a hub: what is on offer, any other by its name, and where they are fetched from. */
export function HubPanel() {
  const { t } = useTranslation()
  const { hub, answers, jobs } = useSyncExternalStore(library.subscribe, library.getState)
  const origin = useSettings().hub
  const inUse = useEngineValue(({ packUrl }) => hubRepository(packUrl))
  if (hub === null) return null
  const here = inUse !== null || hub.some(({ present }) => present > 0) || jobs.size > 0
  // One that was asked for by its name stands among the others from then on.
  const others = [...answers].flatMap(([repository, answer]) =>
    answer.status === 'known' && !hub.some((offer) => offer.repository === repository) ? [answer.look] : [],
  )
  return (
    <div className="hub">
      <Disclosure label={t('hub.title')} defaultOpen={here}>
        <div className="hub-body">
          <p className="settings-hint">{t('hub.about', { host: new URL(origin).host })}</p>
          <p className="settings-hint">
            {t('hub.unproven')}{' '}
            <a className="hub-link" href={packsText} target="_blank" rel="noreferrer" hrefLang="en">
              {t('hub.steps')}
            </a>
          </p>
          <ul className="packs" aria-label={t('hub.title')}>
            {[...hub, ...others].map((offer) => (
              <HubItem
                key={offer.repository}
                offer={offer}
                answer={answers.get(offer.repository)}
                job={jobs.get(hubAddress(offer.repository))}
              />
            ))}
          </ul>
          <HubName />
          <HubAddress />
        </div>
      </Disclosure>
    </div>
  )
}
