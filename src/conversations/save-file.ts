import { type Conversation, titleOf } from './model'

/** What a file name may not hold on one system or another. */
const forbidden = /[\p{Cc}<>:"/\\|?*]+/gu
const longestName = 80

/** A file name of a conversation's title. */
export function fileName(conversation: Conversation, otherwise: string, extension: string): string {
  const title = (titleOf(conversation) ?? otherwise).replace(forbidden, ' ').replace(/\s+/g, ' ').trim()
  const stem = [...title.replace(/^\.+|[.…]+$/gu, '')].slice(0, longestName).join('').trim()
  return `${stem || otherwise}.${extension}`
}

/** Hands a text to the browser as a download. */
export function saveText(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has begun by then; the browser holds the bytes itself.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
