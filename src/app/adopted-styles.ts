/**
 * Stands in for the package `react-style-singleton` (vite.config.ts), through which Radix locks scrolling behind a
 * dialog: the same styles as a constructed stylesheet, which a Content-Security-Policy without inline styles allows.
 */
import { useEffect } from 'react'

type StyleSheetHolder = {
  /** Adopts the styles unless they are adopted already. */
  readonly add: (css: string) => void
  /** Ends one use; the last one takes the styles away. */
  readonly remove: () => void
}

export function stylesheetSingleton(): StyleSheetHolder {
  let users = 0
  let sheet: CSSStyleSheet | null = null
  return {
    add: (css) => {
      users++
      if (sheet) return
      sheet = new CSSStyleSheet()
      sheet.replaceSync(css)
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
    },
    remove: () => {
      users--
      if (users > 0) return
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((adopted) => adopted !== sheet)
      sheet = null
    },
  }
}

/** A component that applies `styles` for as long as it is mounted; all mounted copies share one stylesheet. */
export function styleSingleton() {
  const holder = stylesheetSingleton()
  return function AdoptedStyle({ styles, dynamic }: { readonly styles: string; readonly dynamic?: boolean }) {
    const css = dynamic ? styles : undefined
    // biome-ignore lint/correctness/useExhaustiveDependencies: as in the package, styles that are not dynamic are read once
    useEffect(() => {
      holder.add(styles)
      return () => holder.remove()
    }, [css])
    return null
  }
}
