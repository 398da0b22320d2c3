import { X } from 'lucide-react'
import * as Dialog from 'radix-ui/dialog'
import { IconButton } from './icon-button'

type Props = {
  readonly title: string
  /** What closes it is called; null: it must not be closed now. */
  readonly close: string | null
}

/** A dialog's name, and the button that closes it. */
export function DialogHead({ title, close }: Props) {
  return (
    <div className="dialog-head">
      <Dialog.Title className="dialog-title">{title}</Dialog.Title>
      {close && (
        <Dialog.Close asChild>
          <IconButton label={close} icon={<X />} />
        </Dialog.Close>
      )}
    </div>
  )
}

/**
 * For `onOpenAutoFocus`: the dialog itself has the focus at first. A button would open its tooltip, and Escape would close
 * only that; a field would bring up a phone's keyboard.
 */
export function focusDialog(event: Event): void {
  event.preventDefault()
  if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus()
}
