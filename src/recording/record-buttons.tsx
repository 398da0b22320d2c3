import { MonitorUp, Video } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRecording } from './recording-desk'
import { availableSources } from './sources'
import './record-buttons.css'

export const sourceIcons = { camera: <Video aria-hidden="true" />, screen: <MonitorUp aria-hidden="true" /> }

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
          {sourceIcons[source]}
          {t(`recording.open.${source}`)}
        </button>
      ))}
    </div>
  )
}
