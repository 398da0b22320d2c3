import { useTranslation } from 'react-i18next'
import { formatBytes } from '../app/format'
import { Disclosure } from '../chat/disclosure'
import type { KeptCopy } from '../storage/conversation-store'
import { DeleteButton } from './delete-button'

type Props = { readonly copies: readonly KeptCopy[]; readonly onDelete: (clipId: string) => void }

/** The copies of clips one by one, each with the conversation that it belongs to and the way to delete it. */
export function KeptCopies({ copies, onDelete }: Props) {
  const { t, i18n } = useTranslation()
  return (
    <div className="kept-copies">
      <Disclosure label={t('kept.eachCopy', { count: copies.length })}>
        <ul className="kept">
          {copies.map(({ clipId, clip, conversation, bytes }) => {
            const name = clip ?? t('kept.noClip')
            return (
              <li key={clipId} className="kept-row">
                <span className="kept-copy">
                  {name}
                  {conversation && <span className="settings-hint">{conversation}</span>}
                </span>
                <span className="tabular">{formatBytes(bytes, i18n.language)}</span>
                <DeleteButton
                  title={t('kept.deleteCopy', { name })}
                  body={t('kept.deleteCopyBody')}
                  onDelete={() => onDelete(clipId)}
                />
              </li>
            )
          })}
        </ul>
      </Disclosure>
    </div>
  )
}
