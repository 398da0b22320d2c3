import { FileUp, Search, SquarePen, X } from 'lucide-react'
import { useEffect, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession, useSessionState } from '../app/context'
import { IconButton } from '../app/icon-button'
import { byDate, type Period, periodName } from './by-date'
import { ConversationItem } from './conversation-item'
import { useExport } from './use-export'
import './conversation-list.css'

/** Search waits until typing pauses for this long (ms). */
const typingPause = 150

type Props = {
  /** Something was chosen: what lies over the stage may go. */
  readonly onDone: () => void
}

/** All conversations by date, with search over all that was said, a new one, and saved ones from files. */
export function ConversationList({ onDone }: Props) {
  const { t, i18n } = useTranslation()
  const session = useSession()
  const conversations = useSessionState('conversations')
  const conversation = useSessionState('conversation')
  const { open } = useExport()
  const [query, setQuery] = useState('')
  const found = useSearch(query)
  const importId = useId()
  const shown = found ? conversations.filter(({ id }) => found.has(id)) : conversations
  const name = (period: Period) => periodName(period, t, i18n.language)
  return (
    <div className="conversations">
      <button
        type="button"
        className="button conversations-new"
        onClick={() => {
          session.conversations.showNew()
          onDone()
          // The new conversation's own field, which is there after this render.
          setTimeout(() => document.getElementById('question')?.focus(), 0)
        }}
      >
        <SquarePen aria-hidden="true" />
        {t('conversations.new')}
      </button>
      <search className="conversations-search">
        <Search aria-hidden="true" />
        <input
          type="text"
          inputMode="search"
          enterKeyHint="search"
          value={query}
          placeholder={t('conversations.search')}
          aria-label={t('conversations.search')}
          onChange={({ currentTarget }) => setQuery(currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || query === '') return
            // Only the search ends, not the drawer around it.
            event.stopPropagation()
            setQuery('')
          }}
        />
        {query !== '' && (
          <IconButton size="small" label={t('conversations.clearSearch')} icon={<X />} onClick={() => setQuery('')} />
        )}
      </search>
      <p className="conversations-found" role="status">
        {found && (shown.length > 0 ? t('conversations.found', { count: shown.length }) : t('conversations.noneFound'))}
      </p>
      <div className="conversations-list">
        {conversations.length === 0 && <p className="conversations-empty">{t('conversations.empty')}</p>}
        {byDate(shown, Date.now()).map(({ period, conversations: members }) => (
          <section key={period} aria-label={name(period)}>
            <h2 className="conversations-period">{name(period)}</h2>
            <ul>
              {members.map((summary) => (
                <ConversationItem
                  key={summary.id}
                  summary={summary}
                  current={summary.id === conversation.id}
                  onDone={onDone}
                />
              ))}
            </ul>
          </section>
        ))}
      </div>
      <div className="conversations-foot">
        <label htmlFor={importId} className="button conversations-import" data-look="bare" data-size="small">
          <input
            id={importId}
            className="visually-hidden"
            type="file"
            accept=".json,application/json"
            aria-label={t('conversations.import')}
            onChange={({ currentTarget }) => {
              const file = currentTarget.files?.[0]
              currentTarget.value = ''
              if (file) void open(file).then(onDone)
            }}
          />
          <FileUp aria-hidden="true" />
          {t('conversations.import')}
        </label>
      </div>
    </div>
  )
}

/** Ids of what was found; null where nothing is searched for, and until the first result is there. */
function useSearch(query: string): ReadonlySet<string> | null {
  const session = useSession()
  const [found, setFound] = useState<ReadonlySet<string> | null>(null)
  useEffect(() => {
    if (query.trim() === '') return setFound(null)
    let wanted = true
    const timer = setTimeout(() => {
      session.conversations.search(query).then(
        (ids) => wanted && setFound(ids),
        (thrown: unknown) => console.warn('search failed', thrown),
      )
    }, typingPause)
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [query, session])
  return found
}
