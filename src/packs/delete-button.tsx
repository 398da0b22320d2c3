import { Trash2 } from 'lucide-react'
import * as AlertDialog from 'radix-ui/alert-dialog'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../app/confirm'

type Props = {
  /** Its text; a bin stands for it where there is none. */
  readonly label?: string
  readonly title: string
  /** What goes with it, and what does not come back. */
  readonly body: string
  readonly disabled?: boolean
  readonly onDelete: () => void
}

/** A button that deletes once the person has read what that means. */
export function DeleteButton({ label, title, body, disabled, onDelete }: Props) {
  const { t } = useTranslation()
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger
        className="button"
        data-size="small"
        data-look={label ? 'danger' : 'bare'}
        data-icon-only={label ? undefined : true}
        disabled={disabled}
        aria-label={label ? undefined : title}
        title={label ? undefined : title}
      >
        {label ?? <Trash2 aria-hidden="true" />}
      </AlertDialog.Trigger>
      <Confirm
        title={title}
        body={body}
        action={t('storage.delete')}
        cancel={t('storage.cancel')}
        above
        onConfirm={onDelete}
      />
    </AlertDialog.Root>
  )
}
