import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type HubOffer,
  type HubPooling,
  hubAddress,
  hubPoolings,
  type VisualShape,
  visualCost,
} from '../../workers/protocol'
import { useSettings } from '../app/context'
import { formatBytes, formatNumber } from '../app/format'
import { useEngine, useEngineValue } from '../assistant/hooks'
import { rememberedPooling, rememberPooling } from './choice'

type Props = {
  readonly offer: HubOffer
  readonly visual: VisualShape
  /** Whether it is here: else the costs alone are shown. */
  readonly choosable: boolean
}

/** The ways to have a clip seen by a pack of the hub, each with what it costs at the present number of frames. */
export function PoolingChoice({ offer, visual, choosable }: Props) {
  const { t, i18n } = useTranslation()
  const engine = useEngine()
  const { frames } = useSettings()
  const address = hubAddress(offer.repository)
  const inUse = useEngineValue(({ packUrl }) => packUrl === address)
  const current = useEngineValue(({ pooling }) => pooling)
  const [remembered, setRemembered] = useState(() => rememberedPooling(address))
  const chosen = (inUse ? current : remembered) ?? offer.pooling
  const name = useId()
  const cost = (pooling: HubPooling) => {
    const { tokens, memory } = visualCost(visual, frames, pooling)
    return t('hub.cost', { tokens: formatNumber(tokens, i18n.language), size: formatBytes(memory, i18n.language) })
  }
  const choose = (pooling: HubPooling) => {
    rememberPooling(address, pooling)
    setRemembered(pooling)
    if (inUse) void engine.setPooling(pooling)
  }
  const way = (pooling: HubPooling) => (
    <>
      <span>{t(`hub.way.${pooling}`)}</span>
      <span className="tabular">{cost(pooling)}</span>
    </>
  )
  const title = t('hub.ways', { frames })
  if (!choosable) {
    return (
      <div className="pooling">
        <p className="settings-hint" id={name}>
          {title}
        </p>
        <ul aria-labelledby={name}>
          {hubPoolings.map((pooling) => (
            <li key={pooling} className="pooling-way">
              {way(pooling)}
            </li>
          ))}
        </ul>
      </div>
    )
  }
  return (
    <fieldset className="pooling">
      <legend className="settings-hint">{title}</legend>
      {hubPoolings.map((pooling) => (
        <label key={pooling} className="pooling-way">
          <input
            type="radio"
            name={name}
            value={pooling}
            checked={pooling === chosen}
            onChange={() => choose(pooling)}
          />
          {way(pooling)}
        </label>
      ))}
      <p className="settings-hint">{t('hub.wayHint')}</p>
    </fieldset>
  )
}
