import { Settings2 } from 'lucide-react'
import * as Dialog from 'radix-ui/dialog'
import { Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogHead, focusDialog } from './dialog-head'
import { IconButton } from './icon-button'
import { lazyPart } from './lazy-part'
import './settings-dialog.css'

const SettingsPanel = lazyPart(async () => (await import('./settings-panel')).SettingsPanel)

/** The settings and the button that opens them. */
export function SettingsDialog() {
  const { t } = useTranslation()
  return (
    <Dialog.Root>
      <Dialog.Trigger asChild>
        <IconButton label={t('settings.title')} icon={<Settings2 />} />
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content className="dialog settings" aria-describedby={undefined} onOpenAutoFocus={focusDialog}>
          <DialogHead title={t('settings.title')} close={t('settings.close')} />
          <Suspense>
            <SettingsPanel />
          </Suspense>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
