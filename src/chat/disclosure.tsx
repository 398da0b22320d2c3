import { ChevronRight } from 'lucide-react'
import * as Collapsible from 'radix-ui/collapsible'
import type { ReactNode } from 'react'
import './disclosure.css'

type Props = {
  readonly label: string
  /** One element, shown below the row of buttons while open. */
  readonly children: ReactNode
}

/** A detail of an answer behind a small button, in the row of the answer's buttons. */
export function Disclosure({ label, children }: Props) {
  return (
    <Collapsible.Root className="disclosure">
      <Collapsible.Trigger className="button disclosure-button" data-look="bare" data-size="small">
        <ChevronRight aria-hidden="true" />
        {label}
      </Collapsible.Trigger>
      <Collapsible.Content className="disclosure-body">{children}</Collapsible.Content>
    </Collapsible.Root>
  )
}
