import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { defaultHub, parseHubOrigin } from '../../workers/protocol'
import { useSettings, useSettingsStore } from '../app/context'
import { HubField } from './hub-field'

/** Where models of the hub are fetched from: the hub itself, or a mirror or proxy that the person names. */
export function HubAddress() {
  const { t } = useTranslation()
  const { hub } = useSettings()
  const store = useSettingsStore()
  const [wrong, setWrong] = useState(false)
  const host = new URL(hub).host
  const isDefault = hub === defaultHub
  const change = (typed: string) => {
    const origin = parseHubOrigin(typed)
    setWrong(origin === null)
    if (origin) store.change({ hub: origin })
  }
  return (
    <HubField
      // What was typed becomes the origin that was understood.
      key={hub}
      label={t('hub.address')}
      hint={t(isDefault ? 'hub.addressOpen' : 'hub.mirrorOpen', { host })}
      initial={hub}
      action={t('hub.setAddress')}
      problem={wrong ? t('hub.notAnAddress') : null}
      onSubmit={change}
    >
      {!isDefault && (
        <button type="button" className="button" data-size="small" onClick={() => change(defaultHub)}>
          {t('hub.backTo', { host: new URL(defaultHub).host })}
        </button>
      )}
    </HubField>
  )
}
