import { ChevronRight } from 'lucide-react'
import * as Collapsible from 'radix-ui/collapsible'
import type { ReactNode } from 'react'
import './disclosure.css'

type Props = {
  readonly label: string
  /** Open from the start. */
  readonly defaultOpen?: boolean
  /** One element, shown below the row of buttons while open. */
  readonly children: ReactNode
}

/** A detail behind a small button, in the row of an answer's buttons or one of its own. */
export function Disclosure({ label, defaultOpen = false, children }: Props) {
  return (
    <Collapsible.Root className="disclosure" defaultOpen={defaultOpen}>
      <Collapsible.Trigger className="button disclosure-button" data-look="bare" data-size="small">
        <ChevronRight aria-hidden="true" />
        {label}
      </Collapsible.Trigger>
      <Collapsible.Content className="disclosure-body">{children}</Collapsible.Content>
    </Collapsible.Root>
  )
}
