import { useEffect, useSyncExternalStore } from 'react'
import { useSession, useSessionState } from '../app/context'
import { ClipPanel } from './clip-panel'
import { ClipTabs } from './clip-tabs'
import { DropZone } from './drop-zone'
import { LostClip } from './lost-clip'
import { playhead } from './playhead'
import { activeClip, isAtHand } from './reducer'

/** The clip side of a conversation: its clips, the one on show, or where to open one. */
export function ClipStage() {
  const session = useSession()
  const clips = useSessionState('clips')
  const clip = activeClip(clips)
  useSoughtClip(clips.activeId, session.chooseClip)
  const tabbed = clips.order.length > 1 || (!clip && clips.order.length > 0)
  return (
    <div className="stage-clip">
      {tabbed && (
        <ClipTabs clips={clips} onChoose={session.chooseClip} onFiles={session.openFiles} onClose={session.closeClip} />
      )}
      {!clip && <DropZone onFiles={session.openFiles} />}
      {clip && !isAtHand(clip) && (
        <LostClip
          clip={clip}
          tabbed={tabbed}
          onFile={(file) => session.replaceFile(clip.id, file)}
          onUnlock={() => session.chooseClip(clip.id, true)}
        />
      )}
      {clip && isAtHand(clip) && (
        <ClipPanel clip={clip} tabbed={tabbed} onFiles={session.openFiles} onClose={session.closeClip} />
      )}
    </div>
  )
}

/** Going to a moment of a clip that is not on show shows it. */
function useSoughtClip(activeId: string | null, choose: (clipId: string) => void): void {
  const { sought } = useSyncExternalStore(playhead.subscribe, playhead.getSnapshot)
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each seek, not whenever another clip is chosen after
  useEffect(() => {
    if (sought && sought.clipId !== activeId) choose(sought.clipId)
  }, [sought])
}
