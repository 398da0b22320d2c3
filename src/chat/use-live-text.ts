import { startTransition, useEffect, useState } from 'react'
import { useSession } from '../app/context'

const whole = (text: string) => text

/**
 * What `select` makes of the text being written; draws again where that is another. In slices, not by useSyncExternalStore:
 * the engine has all cores meanwhile, and a text drawn in one go would take the page long enough to miss a key.
 */
export function useLiveText(select: (text: string) => string = whole): string {
  const { live } = useSession()
  const [text, setText] = useState(() => select(live.getSnapshot()))
  useEffect(() => {
    const look = () => startTransition(() => setText(select(live.getSnapshot())))
    look()
    return live.subscribe(look)
  }, [live, select])
  return text
}
