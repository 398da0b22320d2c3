import { createContext, useContext, useSyncExternalStore } from 'react'
import type { AppShell, UpdateState } from './app-shell'
import type { InstallOffer } from './install'

/** null where the page has no service worker of its own: in development. */
export const AppShellContext = createContext<AppShell | null>(null)

/** null where nothing listens for the browser's offer: in tests of other things. */
export const InstallContext = createContext<InstallOffer | null>(null)

const silent = () => () => {}

/** The state of updates, and how to take one. */
export function useUpdate(): { readonly state: UpdateState; readonly apply: () => void } {
  const shell = useContext(AppShellContext)
  const state = useSyncExternalStore<UpdateState>(shell?.subscribe ?? silent, shell?.getState ?? (() => 'none'))
  return { state, apply: () => void shell?.apply() }
}
