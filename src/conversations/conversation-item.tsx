import { Ellipsis, FileDown, Pencil, Trash2 } from 'lucide-react'
import { AlertDialog, DropdownMenu } from 'radix-ui'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { IconButton } from '../app/icon-button'
import type { ConversationSummary } from './model'
import { type ExportFormat, useExport } from './use-export'

const formats: readonly ExportFormat[] = ['markdown', 'json', 'vtt']

type Props = {
  readonly summary: ConversationSummary
  readonly current: boolean
  readonly onShow: () => void
}

/** One conversation in the list: pressing it shows it; behind its menu it is renamed, saved as a file, deleted. */
export function ConversationItem({ summary, current, onShow }: Props) {
  const { t } = useTranslation()
  const session = useSession()
  const { save } = useExport()
  const [renaming, setRenaming] = useState(false)
  const [deleting, setDeleting] = useState(false)
  const [item, setItem] = useState<HTMLLIElement | null>(null)
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
            if (name !== null) void session.conversations.rename(summary.id, name)
          }}
        />
      </li>
    )
  }
  return (
    <li className="conversation" data-current={current} ref={setItem}>
      <button
        type="button"
        className="conversation-title"
        aria-current={current ? 'true' : undefined}
        title={title}
        onClick={onShow}
      >
        {title}
      </button>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger asChild>
          <IconButton
            size="small"
            className="conversation-more"
            label={t('conversations.more', { title })}
            icon={<Ellipsis />}
          />
        </DropdownMenu.Trigger>
        {/* Inside the list's landmark, outside of the item, which would cut it off. */}
        <DropdownMenu.Portal container={item?.closest<HTMLElement>('.conversations')}>
          <DropdownMenu.Content className="menu" align="start" sideOffset={4} collisionPadding={8}>
            <DropdownMenu.Item className="menu-item" onSelect={() => setRenaming(true)}>
              <Pencil aria-hidden="true" />
              {t('conversations.rename')}
            </DropdownMenu.Item>
            {formats.map((format) => (
              <DropdownMenu.Item key={format} className="menu-item" onSelect={() => void save(summary.id, format)}>
                <FileDown aria-hidden="true" />
                {t(`conversations.export.${format}`)}
              </DropdownMenu.Item>
            ))}
            <DropdownMenu.Separator className="menu-line" />
            <DropdownMenu.Item className="menu-item" data-look="danger" onSelect={() => setDeleting(true)}>
              <Trash2 aria-hidden="true" />
              {t('conversations.delete')}
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
      <AlertDialog.Root open={deleting} onOpenChange={setDeleting}>
        <AlertDialog.Portal>
          <AlertDialog.Overlay className="scrim" />
          <AlertDialog.Content className="dialog">
            <AlertDialog.Title className="dialog-title">{t('conversations.deleteTitle')}</AlertDialog.Title>
            <AlertDialog.Description>{t('conversations.deleteBody', { title })}</AlertDialog.Description>
            <div className="dialog-actions">
              <AlertDialog.Cancel className="button">{t('conversations.cancel')}</AlertDialog.Cancel>
              <AlertDialog.Action className="button" data-look="danger" onClick={() => void remove()}>
                {t('conversations.delete')}
              </AlertDialog.Action>
            </div>
          </AlertDialog.Content>
        </AlertDialog.Portal>
      </AlertDialog.Root>
    </li>
  )
}

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
