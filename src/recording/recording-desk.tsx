import { createContext, type ReactNode, Suspense, useContext, useState } from 'react'
import { useSession } from '../app/context'
import { lazyPart } from '../app/lazy-part'
import type { RecordingSource } from './sources'

// Nobody needs it before they record.
const RecordingDialog = lazyPart(async () => (await import('./recording-dialog')).default, { whenShown: true })

const OpenRecording = createContext<((source: RecordingSource) => void) | null>(null)

/** Opens the dialog that records a source. */
export function useRecording(): (source: RecordingSource) => void {
  const open = useContext(OpenRecording)
  if (!open) throw new Error('useRecording outside of RecordingDesk')
  return open
}

/**
 * Where recordings are made. Around the whole page, because whatever else the page comes to show meanwhile (a clip that
 * was shared with it, say) must not take a recording away.
 */
export function RecordingDesk({ children }: { readonly children: ReactNode }) {
  const session = useSession()
  const [source, setSource] = useState<RecordingSource | null>(null)
  return (
    <OpenRecording value={setSource}>
      {/* Above the page: where its code cannot be had, a notice stands there among the others. */}
      {source && (
        <Suspense>
          <RecordingDialog
            source={source}
            // There is no other copy of it.
            onRecorded={(file) => session.openClip(file, file.name, true, true)}
            onClose={() => setSource(null)}
          />
        </Suspense>
      )}
      {children}
    </OpenRecording>
  )
}
