import { Trash2 } from 'lucide-react'
import * as AlertDialog from 'radix-ui/alert-dialog'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../app/confirm'
import { useSession, useSessionState } from '../app/context'
import { IconButton } from '../app/icon-button'
import { type Clip, isAtHand } from './reducer'

type Props = { readonly clip: Clip; readonly size?: 'small' }

/**
 * A button that takes a clip out of the conversation, once the person has read what stays and what goes. Nothing for a clip
 * that nothing was asked about: closing it takes it away.
 */
export function RemoveClip({ clip, size }: Props) {
  const { id, name } = clip
  const { t } = useTranslation()
  const session = useSession()
  const chat = useSessionState('chat')
  const removed = useRef(false)
  if (isAtHand(clip) && !chat.turns.some(({ clipId }) => clipId === id)) return null
  return (
    <AlertDialog.Root>
      <AlertDialog.Trigger asChild>
        <IconButton {...(size ? { size } : {})} label={t('kept.removeClip')} icon={<Trash2 />} />
      </AlertDialog.Trigger>
      <Confirm
        title={t('kept.removeClipTitle', { name })}
        body={t('kept.removeClipBody')}
        action={t('kept.remove')}
        cancel={t('kept.cancel')}
        onConfirm={() => {
          removed.current = true
          session.removeClip(id)
        }}
        // The button that opened it goes with the clip.
        onCloseAutoFocus={(event) => {
          if (!removed.current) return
          event.preventDefault()
          document.getElementById('question')?.focus()
        }}
      />
    </AlertDialog.Root>
  )
}
