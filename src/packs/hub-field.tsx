import { type ReactNode, useId, useState } from 'react'

type Props = {
  readonly label: string
  readonly hint: string
  readonly initial: string
  readonly placeholder?: string
  readonly action: string
  /** What is wrong with what was last sent; null: nothing. */
  readonly problem: string | null
  readonly onSubmit: (typed: string) => void
  /** Beside the button. */
  readonly children?: ReactNode
}

/** A line to type, with a button that sends it and what is wrong with it below. */
export function HubField({ label, hint, initial, placeholder, action, problem, onSubmit, children }: Props) {
  const id = useId()
  const [typed, setTyped] = useState(initial)
  return (
    <form
      className="hub-form"
      onSubmit={(event) => {
        event.preventDefault()
        onSubmit(typed)
      }}
    >
      <label className="settings-label" htmlFor={id}>
        {label}
      </label>
      <div className="hub-line">
        <input
          id={id}
          className="hub-input"
          type="text"
          value={typed}
          placeholder={placeholder}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          enterKeyHint="go"
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? `${id}-hint` : `${id}-problem ${id}-hint`}
          onChange={(event) => setTyped(event.target.value)}
        />
        <button type="submit" className="button" data-size="small">
          {action}
        </button>
        {children}
      </div>
      {problem !== null && (
        <p id={`${id}-problem`} className="pack-problem" role="alert">
          {problem}
        </p>
      )}
      <p id={`${id}-hint`} className="settings-hint">
        {hint}
      </p>
    </form>
  )
}
