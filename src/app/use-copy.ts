import { useEffect, useState } from 'react'

/** Copies texts to the clipboard; `copied` names the text's kind for the moment in which that is worth saying. */
export function useCopy<Kind extends string>() {
  const [copied, setCopied] = useState<Kind | null>(null)
  useEffect(() => {
    if (copied === null) return
    const timer = setTimeout(() => setCopied(null), 2000)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = (kind: Kind, text: string) => {
    navigator.clipboard.writeText(text).then(
      () => setCopied(kind),
      (cause: unknown) => console.warn('copying was refused', cause),
    )
  }
  return { copied, copy }
}
