import { MonitorUp, Video } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '../app/icon-button'
import { Menu, MenuItem } from '../app/menu'
import { useRecording } from './recording-desk'
import { availableSources } from './sources'
import './record-buttons.css'

const icons = { camera: <Video aria-hidden="true" />, screen: <MonitorUp aria-hidden="true" /> }

/** What can be recorded here, a button each; nothing where nothing can. */
export function RecordButtons() {
  const { t } = useTranslation()
  const open = useRecording()
  const [sources] = useState(availableSources)
  if (sources.length === 0) return null
  return (
    <div className="record-buttons">
      {sources.map((source) => (
        <button key={source} type="button" className="button" data-look="bare" onClick={() => open(source)}>
          {icons[source]}
          {t(`recording.open.${source}`)}
        </button>
      ))}
    </div>
  )
}

/** The same behind one icon, where there is little room. */
export function RecordMenu() {
  const { t } = useTranslation()
  const open = useRecording()
  const [sources] = useState(availableSources)
  const [only] = sources
  if (!only) return null
  if (sources.length === 1)
    return <IconButton label={t(`recording.open.${only}`)} icon={icons[only]} onClick={() => open(only)} />
  return (
    <Menu label={t('recording.menu')} icon={icons.camera} align="end">
      {sources.map((source) => (
        <MenuItem key={source} onSelect={() => open(source)}>
          {icons[source]}
          {t(`recording.open.${source}`)}
        </MenuItem>
      ))}
    </Menu>
  )
}
