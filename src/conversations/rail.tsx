import { PanelLeft, X } from 'lucide-react'
import { Dialog } from 'radix-ui'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSessionState } from '../app/context'
import { IconButton } from '../app/icon-button'
import { ConversationList } from './conversation-list'
import './rail.css'

/** The conversations beside the stage, where there is room; nothing until there is one. */
export function ConversationRail() {
  const { t } = useTranslation()
  const { conversations } = useSessionState()
  if (conversations.length === 0) return null
  return (
    <nav className="rail" aria-label={t('conversations.title')}>
      <ConversationList onDone={() => {}} />
    </nav>
  )
}

/** The conversations over the stage, where there is no room beside it, and the button that brings them. */
export function ConversationDrawer() {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const { conversations } = useSessionState()
  if (conversations.length === 0 && !open) return null
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger asChild>
        <IconButton className="drawer-button" label={t('conversations.open')} icon={<PanelLeft />} />
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content
          className="drawer"
          aria-describedby={undefined}
          // Focus on the search would bring up a phone's keyboard.
          onOpenAutoFocus={(event) => {
            event.preventDefault()
            if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus()
          }}
          // A search or a name being written takes Escape for itself.
          onEscapeKeyDown={(event) => {
            if (event.target instanceof HTMLInputElement && event.target.value !== '') event.preventDefault()
          }}
        >
          <div className="dialog-head">
            <Dialog.Title className="dialog-title">{t('conversations.title')}</Dialog.Title>
            <Dialog.Close asChild>
              <IconButton label={t('conversations.close')} icon={<X />} />
            </Dialog.Close>
          </div>
          <ConversationList onDone={() => setOpen(false)} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
