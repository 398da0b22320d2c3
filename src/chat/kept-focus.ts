import { type RefObject, useEffect } from 'react'

/** With fingers, focus in the field would bring up a keyboard that nobody asked for. */
const pointsFinely = '(pointer: fine)'

/**
 * Somebody who pressed a button that went away with that (the sample clip, a suggestion, Stop) goes on at the question
 * instead of at the start of the page.
 */
export function useKeptFocus(field: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    let last: Element | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    const onFocus = ({ target }: FocusEvent) => {
      last = target instanceof Element ? target : null
    }
    const goOn = () => {
      if (document.activeElement !== document.body || !matchMedia(pointsFinely).matches) return
      field.current?.focus({ preventScroll: true })
    }
    const observer = new MutationObserver(() => {
      if (!last || last.isConnected) return
      last = null
      // After those who have a better place for it: a dialog that closed gives focus back to what opened it.
      timer = setTimeout(goOn, 0)
    })
    document.addEventListener('focusin', onFocus)
    observer.observe(document.body, { childList: true, subtree: true })
    return () => {
      clearTimeout(timer)
      document.removeEventListener('focusin', onFocus)
      observer.disconnect()
    }
  }, [field])
}
