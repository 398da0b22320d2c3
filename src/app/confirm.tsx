import * as AlertDialog from 'radix-ui/alert-dialog'

type Props = {
  readonly title: string
  /** What goes, and what stays. */
  readonly body: string
  /** What the buttons say. */
  readonly action: string
  readonly cancel: string
  readonly look?: 'primary' | 'danger'
  /** It stands over another dialog. */
  readonly above?: boolean
  readonly onConfirm: () => void
  /** Where the focus goes after it, if not back to what opened it. */
  readonly onCloseAutoFocus?: (event: Event) => void
}

/** The question before something that cannot be taken back, inside the AlertDialog.Root that opens it. */
export function Confirm({ title, body, action, cancel, look = 'danger', above, onConfirm, ...content }: Props) {
  return (
    <AlertDialog.Portal>
      <AlertDialog.Overlay className="scrim" data-above={above} />
      <AlertDialog.Content className="dialog" data-above={above} {...content}>
        <AlertDialog.Title className="dialog-title">{title}</AlertDialog.Title>
        <AlertDialog.Description>{body}</AlertDialog.Description>
        <div className="dialog-actions">
          <AlertDialog.Cancel className="button">{cancel}</AlertDialog.Cancel>
          <AlertDialog.Action className="button" data-look={look} onClick={onConfirm}>
            {action}
          </AlertDialog.Action>
        </div>
      </AlertDialog.Content>
    </AlertDialog.Portal>
  )
}
