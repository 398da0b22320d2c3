import { ArrowUp, Square } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '../app/icon-button'
import { keepDraft, readDraft } from './drafts'
import { useKeptFocus } from './kept-focus'
import './composer.css'

/** Elsewhere it is measured, which makes the browser lay out the page there and then. */
const growsByItself = CSS.supports('field-sizing', 'content')

type Props = {
  /** Where what is written is kept until it is sent (drafts.ts). It may move while the field stays. */
  readonly draft: string
  readonly placeholder: string
  /** A question is waiting or being answered: the button stops it. */
  readonly busy: boolean
  readonly onAsk: (question: string) => void
  readonly onStop: () => void
}

/** Where questions are written. Enter sends, Shift+Enter begins a new line; stop stands where send stood. */
export function Composer({ draft, placeholder, busy, onAsk, onStop }: Props) {
  const { t } = useTranslation()
  const [text, setText] = useState(() => readDraft(draft))
  const field = useRef<HTMLTextAreaElement>(null)
  const hintId = useId()
  const empty = text.trim() === ''
  useKeptFocus(field)

  const place = useRef(draft)
  useEffect(() => {
    if (place.current !== draft) keepDraft(place.current, '')
    place.current = draft
    keepDraft(draft, text)
  }, [draft, text])

  // biome-ignore lint/correctness/useExhaustiveDependencies: measured again whenever the text changes
  useLayoutEffect(() => {
    const element = field.current
    if (!element || growsByItself) return
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight}px`
  }, [text])

  const send = () => {
    if (busy || empty) return
    onAsk(text)
    setText('')
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter belongs to it.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    send()
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        ref={field}
        id="question"
        className="composer-field"
        rows={1}
        value={text}
        placeholder={placeholder}
        aria-label={t('chat.question')}
        aria-describedby={hintId}
        enterKeyHint="send"
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <p className="visually-hidden" id={hintId}>
        {t('chat.hint')}
      </p>
      {busy ? (
        <IconButton
          key="stop"
          label={t('chat.stop')}
          icon={<Square fill="currentColor" />}
          onClick={onStop}
          look="primary"
        />
      ) : (
        <IconButton
          key="send"
          type="submit"
          label={t('chat.send')}
          icon={<ArrowUp />}
          look="primary"
          disabled={empty}
        />
      )}
    </form>
  )
}
