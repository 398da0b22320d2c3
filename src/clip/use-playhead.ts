import { useSyncExternalStore } from 'react'
import { playhead } from './playhead'

/** The present moment of a clip's player in seconds; 0 until it reports. */
export function usePresent(clipId: string): number {
  return useSyncExternalStore(playhead.subscribe, () => {
    const state = playhead.getSnapshot()
    return state.clipId === clipId ? state.seconds : 0
  })
}

const none: readonly number[] = []

/** The moments of a clip that something on the screen points at. */
export function usePointed(clipId: string): readonly number[] {
  return useSyncExternalStore(playhead.subscribe, () => {
    const { pointed } = playhead.getSnapshot()
    return pointed?.clipId === clipId ? pointed.timestamps : none
  })
}
