import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '../app/icon-button'
import { Menu, MenuItem } from '../app/menu'
import { sourceIcons } from './record-buttons'
import { useRecording } from './recording-desk'
import { availableSources } from './sources'

/** What can be recorded here behind one icon, where there is little room; nothing where nothing can. */
export function RecordMenu() {
  const { t } = useTranslation()
  const open = useRecording()
  const [sources] = useState(availableSources)
  const [only] = sources
  if (!only) return null
  if (sources.length === 1)
    return <IconButton label={t(`recording.open.${only}`)} icon={sourceIcons[only]} onClick={() => open(only)} />
  return (
    <Menu label={t('recording.menu')} icon={sourceIcons.camera} align="end">
      {sources.map((source) => (
        <MenuItem key={source} onSelect={() => open(source)}>
          {sourceIcons[source]}
          {t(`recording.open.${source}`)}
        </MenuItem>
      ))}
    </Menu>
  )
}
