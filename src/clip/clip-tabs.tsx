import { Clapperboard, Plus, X } from 'lucide-react'
import { useEffect, useId, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { IconButton } from '../app/icon-button'
import { RecordMenu } from '../recording/record-menu'
import { FileInput } from './file-input'
import { type Clip, type ClipsState, isAtHand } from './reducer'
import { RemoveClip } from './remove-clip'
import { useObjectUrl } from './use-object-url'
import './clip-tabs.css'

type Props = {
  readonly clips: ClipsState
  readonly onChoose: (clipId: string) => void
  readonly onFiles: (files: File[]) => void
  /** Closes the one on show. */
  readonly onClose: () => void
}

/** The clips of a conversation side by side; pressing one shows it and asks about it from then on. */
export function ClipTabs({ clips, onChoose, onFiles, onClose }: Props) {
  const { t } = useTranslation()
  const addId = useId()
  const list = useRef<HTMLUListElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever another one is shown
  useEffect(() => {
    const current = list.current?.querySelector('[data-current=true]')
    if (!current) return
    // It grows by a button once something was asked about it.
    const observer = new ResizeObserver(() => current.scrollIntoView({ block: 'nearest', inline: 'nearest' }))
    observer.observe(current)
    return () => observer.disconnect()
  }, [clips.activeId])
  return (
    <ul className="clip-tabs" ref={list} aria-label={t('conversations.clips')}>
      {clips.order.map((id) => {
        const clip = clips.clips[id]
        return (
          clip && (
            <li key={id} className="clip-tab-place" data-current={id === clips.activeId}>
              <ClipTab clip={clip} current={id === clips.activeId} onChoose={() => onChoose(id)} />
              {id === clips.activeId && <RemoveClip clip={clip} size="small" />}
              {id === clips.activeId && isAtHand(clip) && (
                <IconButton size="small" label={t('clip.close')} icon={<X />} onClick={onClose} />
              )}
            </li>
          )
        )
      })}
      <li className="clip-tabs-more">
        <label htmlFor={addId} className="button clip-tabs-add" data-look="bare" title={t('conversations.addClips')}>
          <FileInput id={addId} onFiles={onFiles} aria-label={t('conversations.addClips')} />
          <Plus aria-hidden="true" />
        </label>
        <RecordMenu />
      </li>
    </ul>
  )
}

type TabProps = { readonly clip: Clip; readonly current: boolean; readonly onChoose: () => void }

function ClipTab({ clip, current, onChoose }: TabProps) {
  const { t } = useTranslation()
  const url = useObjectUrl(Object.values(clip.frames)[0]?.thumbnail)
  return (
    <button
      type="button"
      className="clip-tab"
      aria-current={current ? 'true' : undefined}
      data-status={clip.status}
      title={clip.name}
      onClick={onChoose}
    >
      <span className="clip-tab-picture">
        {url ? <img src={url} alt="" draggable={false} /> : <Clapperboard aria-hidden="true" />}
      </span>
      <span className="clip-tab-name">{clip.name}</span>
      {!isAtHand(clip) && <span className="visually-hidden">{t('conversations.clipGone')}</span>}
    </button>
  )
}
