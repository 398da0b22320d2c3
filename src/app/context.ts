import { createContext, useContext, useSyncExternalStore } from 'react'
import type { Session, SessionState } from './session'
import type { Settings, SettingsStore } from './settings'

export const SessionContext = createContext<Session | null>(null)
export const SettingsContext = createContext<SettingsStore | null>(null)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('useSession outside of SessionContext')
  return session
}

export function useSessionState(): SessionState {
  const session = useSession()
  return useSyncExternalStore(session.subscribe, session.getState)
}

export function useSettingsStore(): SettingsStore {
  const store = useContext(SettingsContext)
  if (!store) throw new Error('useSettingsStore outside of SettingsContext')
  return store
}

export function useSettings(): Settings {
  const store = useSettingsStore()
  return useSyncExternalStore(store.subscribe, store.get)
}
