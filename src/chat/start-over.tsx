import { ListRestart } from 'lucide-react'
import * as AlertDialog from 'radix-ui/alert-dialog'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../app/confirm'

/** A button that takes away what was said, once the person has read what that means. */
export function StartOver({ onConfirm }: { readonly onConfirm: () => void }) {
  const { t } = useTranslation()
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger
        className="button chat-start-over"
        data-look="bare"
        data-icon-only
        title={t('chat.startOver')}
      >
        <ListRestart aria-hidden="true" />
        <span className="visually-hidden">{t('chat.startOver')}</span>
      </AlertDialog.Trigger>
      <Confirm
        title={t('chat.startOverTitle')}
        body={t('chat.startOverBody')}
        action={t('chat.startOver')}
        cancel={t('chat.cancel')}
        look="primary"
        onConfirm={onConfirm}
      />
    </AlertDialog.Root>
  )
}
