import { PanelLeft } from 'lucide-react'
import * as Dialog from 'radix-ui/dialog'
import { Suspense, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSessionState } from '../app/context'
import { DialogHead, focusDialog } from '../app/dialog-head'
import { IconButton } from '../app/icon-button'
import { lazyPart } from '../app/lazy-part'
import './rail.css'

// Nobody needs it before there is a conversation.
const ConversationList = lazyPart(async () => (await import('./conversation-list')).ConversationList)

/** The rail does not go when something in it is chosen. */
const stays = () => {}

/** The conversations beside the stage, where there is room; nothing until there is one. */
export function ConversationRail() {
  const { t } = useTranslation()
  const conversations = useSessionState('conversations')
  if (conversations.length === 0) return null
  return (
    <nav className="rail" aria-label={t('conversations.title')}>
      <Suspense>
        <ConversationList onDone={stays} />
      </Suspense>
    </nav>
  )
}

/** The conversations over the stage, where there is no room beside it, and the button that brings them. */
export function ConversationDrawer() {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const close = useCallback(() => setOpen(false), [])
  const conversations = useSessionState('conversations')
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
          onOpenAutoFocus={focusDialog}
          // A search or a name being written takes Escape for itself.
          onEscapeKeyDown={(event) => {
            if (event.target instanceof HTMLInputElement && event.target.value !== '') event.preventDefault()
          }}
        >
          <DialogHead title={t('conversations.title')} close={t('conversations.close')} />
          <Suspense>
            <ConversationList onDone={close} />
          </Suspense>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}
