import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type HubPooling, hubAddress, hubPoolings, type VisualShape } from '../../workers/protocol'
import { useEngine, useEngineValue } from '../assistant/hooks'
import { rememberedPooling, rememberPooling } from './choice'
import { costWords } from './cost-words'
import './pooling.css'

type Props = {
  readonly repository: string
  /** How it pools by itself. */
  readonly byItself: HubPooling
  readonly visual: VisualShape
  readonly frames: number
  /** Whether it is here: else the costs alone are shown. */
  readonly choosable: boolean
}

/** The ways to have a clip seen by a pack of the hub, each with what it costs at this number of frames. */
export function PoolingChoice({ repository, byItself, visual, frames, choosable }: Props) {
  const { t, i18n } = useTranslation()
  const engine = useEngine()
  const address = hubAddress(repository)
  const inUse = useEngineValue(({ packUrl }) => packUrl === address)
  const current = useEngineValue(({ pooling }) => pooling)
  const [remembered, setRemembered] = useState(() => rememberedPooling(address))
  const chosen = (inUse ? current : remembered) ?? byItself
  const name = useId()
  const choose = (pooling: HubPooling) => {
    rememberPooling(address, pooling)
    setRemembered(pooling)
    if (inUse) void engine.setPooling(pooling)
  }
  const way = (pooling: HubPooling) => (
    <>
      <span>{t(`hub.way.${pooling}`)}</span>
      <span className="tabular">{t('hub.cost', costWords(visual, frames, pooling, i18n.language))}</span>
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
