import { Ellipsis, FileDown, Pencil, Trash2 } from 'lucide-react'
import * as AlertDialog from 'radix-ui/alert-dialog'
import { type FormEvent, memo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Confirm } from '../app/confirm'
import { useSession } from '../app/context'
import { Menu, MenuItem, MenuLine } from '../app/menu'
import type { ConversationSummary } from './model'
import { type ExportFormat, useExport } from './use-export'

const formats: readonly ExportFormat[] = ['markdown', 'json', 'vtt']

type Props = {
  readonly summary: ConversationSummary
  readonly current: boolean
  /** It was chosen. */
  readonly onDone: () => void
}

/**
 * One conversation in the list: pressing it shows it; behind its menu it is renamed, saved as a file, deleted. Each is two
 * dialogs and a menu: what goes on in one conversation does not draw those of all others again.
 */
export const ConversationItem = memo(function ConversationItem({ summary, current, onDone }: Props) {
  const { t } = useTranslation()
  const session = useSession()
  const { save } = useExport()
  const [renaming, setRenaming] = useState(false)
  const [deleting, setDeleting] = useState(false)
  const more = useRef<HTMLButtonElement>(null)
  const title = summary.title ?? t('conversations.untitled')
  const remove = () =>
    session.conversations.remove(summary.id).catch((thrown: unknown) => {
      console.warn('not deleted', thrown)
      session.notify({ kind: 'refused' })
    })
  if (renaming) {
    return (
      <li>
        <RenameForm
          title={summary.title ?? ''}
          onDone={(name) => {
            setRenaming(false)
            // Where the renaming began; the button is there again after this render.
            setTimeout(() => more.current?.focus(), 0)
            if (name !== null) void session.conversations.rename(summary.id, name)
          }}
        />
      </li>
    )
  }
  return (
    <li className="conversation" data-current={current}>
      <button
        type="button"
        className="conversation-title"
        aria-current={current ? 'true' : undefined}
        title={title}
        onClick={() => {
          void session.conversations.show(summary.id)
          onDone()
        }}
      >
        {title}
      </button>
      <Menu
        buttonRef={more}
        size="small"
        className="conversation-more"
        label={t('conversations.more', { title })}
        icon={<Ellipsis />}
      >
        <MenuItem onSelect={() => setRenaming(true)}>
          <Pencil aria-hidden="true" />
          {t('conversations.rename')}
        </MenuItem>
        {formats.map((format) => (
          <MenuItem key={format} onSelect={() => void save(summary.id, format)}>
            <FileDown aria-hidden="true" />
            {t(`conversations.export.${format}`)}
          </MenuItem>
        ))}
        <MenuLine />
        <MenuItem look="danger" onSelect={() => setDeleting(true)}>
          <Trash2 aria-hidden="true" />
          {t('conversations.delete')}
        </MenuItem>
      </Menu>
      <AlertDialog.Root open={deleting} onOpenChange={setDeleting}>
        <Confirm
          title={t('conversations.deleteTitle')}
          body={t('conversations.deleteBody', { title })}
          action={t('conversations.delete')}
          cancel={t('conversations.cancel')}
          onConfirm={() => void remove()}
          // What opened it is an item of a menu that is closed by now.
          onCloseAutoFocus={(event) => {
            event.preventDefault()
            more.current?.focus()
          }}
        />
      </AlertDialog.Root>
    </li>
  )
})

type RenameProps = {
  readonly title: string
  /** null: left as it was. An empty name gives the derived title back. */
  readonly onDone: (name: string | null) => void
}

function RenameForm({ title, onDone }: RenameProps) {
  const { t } = useTranslation()
  const [name, setName] = useState(title)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onDone(name === title ? null : name)
  }
  return (
    <form className="conversation-rename" onSubmit={submit}>
      <input
        // biome-ignore lint/a11y/noAutofocus: it stands where the title stood whose menu asked for it
        autoFocus
        onFocus={({ currentTarget }) => currentTarget.select()}
        type="text"
        enterKeyHint="done"
        value={name}
        aria-label={t('conversations.name')}
        onChange={({ currentTarget }) => setName(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          onDone(null)
        }}
      />
      <button type="submit" className="button" data-size="small">
        {t('conversations.save')}
      </button>
    </form>
  )
}
