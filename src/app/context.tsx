import {
  type Context,
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useState,
  useSyncExternalStore,
} from 'react'
import type { Session, SessionState } from './session'
import type { Settings, SettingsStore } from './settings'

export const SessionContext = createContext<Session | null>(null)
export const SettingsContext = createContext<SettingsStore | null>(null)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('useSession outside of SessionProvider')
  return session
}

type Parts = { readonly [Key in keyof SessionState]: Context<SessionState[Key] | undefined> }

/** One for each part, so that a change of one draws only what shows it. */
const parts: Parts = {
  conversation: createContext<SessionState['conversation'] | undefined>(undefined),
  chat: createContext<SessionState['chat'] | undefined>(undefined),
  clips: createContext<SessionState['clips'] | undefined>(undefined),
  conversations: createContext<SessionState['conversations'] | undefined>(undefined),
  notices: createContext<SessionState['notices'] | undefined>(undefined),
  announcement: createContext<SessionState['announcement'] | undefined>(undefined),
  runningTurn: createContext<SessionState['runningTurn'] | undefined>(undefined),
}

type ProviderProps = { readonly session: Session; readonly children: ReactNode }

/**
 * Gives the page a session and its state. Not by useSyncExternalStore, which draws every change at one go: what comes within
 * a transition (how an answer gets on) is drawn in slices, so that no task of the page is long.
 */
export function SessionProvider({ session, children }: ProviderProps) {
  const [state, setState] = useState(session.getState)
  useEffect(() => {
    const look = () => setState(session.getState())
    // It may have changed since it was drawn.
    look()
    return session.subscribe(look)
  }, [session])
  const { conversation, chat, clips, conversations, notices, announcement, runningTurn } = state
  return (
    <SessionContext value={session}>
      <parts.conversation value={conversation}>
        <parts.chat value={chat}>
          <parts.clips value={clips}>
            <parts.conversations value={conversations}>
              <parts.notices value={notices}>
                <parts.announcement value={announcement}>
                  <parts.runningTurn value={runningTurn}>{children}</parts.runningTurn>
                </parts.announcement>
              </parts.notices>
            </parts.conversations>
          </parts.clips>
        </parts.chat>
      </parts.conversation>
    </SessionContext>
  )
}

/** A part of the state; draws again where that changes. */
export function useSessionState<Key extends keyof SessionState>(key: Key): SessionState[Key] {
  const part = useContext<SessionState[Key] | undefined>(parts[key])
  if (part === undefined) throw new Error('useSessionState outside of SessionProvider')
  return part
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
