/**
 * Whether any tab of the app is writing an answer: each holds a shared Web Lock while it does. An update waits for that,
 * since it replaces the files of all tabs.
 */
const lockName = 'valley-answering'

type Answering = {
  getState(): { readonly runningTurn: string | null }
  subscribe(listener: () => void): () => void
}

/** Holds the lock for as long as `session` writes an answer. The returned function ends the watch and frees the lock. */
export function holdLockWhileAnswering(session: Answering): () => void {
  let release: (() => void) | null = null
  const look = () => {
    const answering = session.getState().runningTurn !== null
    if (answering && !release) {
      const over = new Promise<void>((resolve) => {
        release = resolve
      })
      void navigator.locks.request(lockName, { mode: 'shared' }, () => over)
    } else if (!answering && release) {
      release()
      release = null
    }
  }
  const unsubscribe = session.subscribe(look)
  look()
  return () => {
    unsubscribe()
    release?.()
    release = null
  }
}

/** Resolves when no tab is writing an answer. An answer that begins while one waits here is waited for as well. */
export async function untilNobodyAnswers(): Promise<void> {
  do await navigator.locks.request(lockName, () => {})
  while (await someoneAnswers())
}

async function someoneAnswers(): Promise<boolean> {
  const { held = [], pending = [] } = await navigator.locks.query()
  return [...held, ...pending].some(({ name, mode }) => name === lockName && mode === 'shared')
}
