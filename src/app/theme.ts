import { useLayoutEffect } from 'react'
import type { Theme } from './settings'

/** Sets `data-theme` on the root to light or dark; `system` follows the browser, also when that changes. */
export function useTheme(theme: Theme): void {
  // Before anything is painted, or a dark page would flash light.
  useLayoutEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const apply = () => {
      const dark = theme === 'system' ? query.matches : theme === 'dark'
      document.documentElement.dataset.theme = dark ? 'dark' : 'light'
    }
    apply()
    query.addEventListener('change', apply)
    return () => query.removeEventListener('change', apply)
  }, [theme])
}
