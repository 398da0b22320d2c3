import { Pencil } from 'lucide-react'
import { type KeyboardEvent, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { IconButton } from '../app/icon-button'
import { type ChatTurn, hasEnded, turnsAfter } from './reducer'
import './turn-question.css'

/** A question, which can be edited once it was answered: it is then asked anew in its place. */
export function TurnQuestion({ turn }: { readonly turn: ChatTurn }) {
  const { t } = useTranslation()
  const [editing, setEditing] = useState(false)
  const pencil = useRef<HTMLButtonElement>(null)
  const close = () => {
    setEditing(false)
    // Where the editing began; the button is there again after this render.
    setTimeout(() => pencil.current?.focus(), 0)
  }
  if (editing) return <QuestionForm turn={turn} onDone={close} />
  return (
    <div className="turn-question-row">
      {hasEnded(turn) && (
        <IconButton
          ref={pencil}
          size="small"
          className="turn-question-edit"
          label={t('conversations.edit')}
          icon={<Pencil />}
          onClick={() => setEditing(true)}
        />
      )}
      <div className="turn-question">
        <span className="visually-hidden">{t('chat.you')}: </span>
        {turn.segments && <span className="turn-parts">{t('moments.byParts')}</span>}
        {turn.question}
      </div>
    </div>
  )
}

type FormProps = { readonly turn: ChatTurn; readonly onDone: () => void }

function QuestionForm({ turn, onDone }: FormProps) {
  const { t } = useTranslation()
  const session = useSession()
  const [text, setText] = useState(turn.question)
  const hintId = useId()
  const after = turnsAfter(session.getState().chat, turn.id)
  const ask = () => {
    if (text.trim() === '') return
    onDone()
    session.editQuestion(turn.id, text)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    // While an input method composes, both keys belong to it.
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') onDone()
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    ask()
  }
  return (
    <form
      className="turn-question-form"
      onSubmit={(event) => {
        event.preventDefault()
        ask()
      }}
    >
      <textarea
        // biome-ignore lint/a11y/noAutofocus: it stands where the button was pressed that asked for it
        autoFocus
        rows={Math.min(6, text.split('\n').length + 1)}
        value={text}
        enterKeyHint="send"
        aria-label={t('conversations.edit')}
        aria-describedby={after > 0 ? hintId : undefined}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {after > 0 && (
        <p className="turn-note" id={hintId}>
          {t('conversations.editCuts', { count: after })}
        </p>
      )}
      <div className="turn-question-buttons">
        <button type="button" className="button" data-size="small" onClick={onDone}>
          {t('conversations.cancel')}
        </button>
        <button type="submit" className="button" data-size="small" data-look="primary" disabled={text.trim() === ''}>
          {t('conversations.ask')}
        </button>
      </div>
    </form>
  )
}
