import { ChevronRight } from 'lucide-react'
import { type ReactNode, useId, useState } from 'react'
import './disclosure.css'

type Props = {
  readonly label: string
  /** Open from the start. */
  readonly defaultOpen?: boolean
  /** One element, shown below the row of buttons while open. */
  readonly children: ReactNode
}

/**
 * A detail behind a small button, in the row of an answer's buttons or one of its own. Radix measures even a closed one as
 * soon as it is there: the browser would lay out the page in the middle of drawing the end of an answer.
 */
export function Disclosure({ label, defaultOpen = false, children }: Props) {
  const [open, setOpen] = useState(defaultOpen)
  const id = useId()
  return (
    <div className="disclosure">
      <button
        type="button"
        className="button disclosure-button"
        data-look="bare"
        data-size="small"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        <ChevronRight aria-hidden="true" />
        {label}
      </button>
      {open && (
        <div className="disclosure-body" id={id}>
          {children}
        </div>
      )}
    </div>
  )
}
