import { ListVideo, Search, X } from 'lucide-react'
import { type KeyboardEvent, useEffect, useId, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession } from '../app/context'
import { errorSentences } from '../app/error-text'
import { formatTime, sentenceGap } from '../app/format'
import { IconButton } from '../app/icon-button'
import { useEngine, usePack } from '../assistant/hooks'
import { nearest } from '../clip/nearest'
import { playhead } from '../clip/playhead'
import type { Clip } from '../clip/reducer'
import { MomentCurve } from './moment-curve'
import { MomentSearch, type SearchState } from './moment-search'
import './find-moment.css'

/** Longer phrases are cut by the text tower anyway. */
const longestPhrase = 200

/** A box for words; the moments of the clip that fit them best show as a curve under the player. For videos. */
export default function FindMoment({ clip }: { readonly clip: Clip }) {
  const search = useMomentSearch(clip)
  return search && <FindBox search={search} clip={clip} />
}

/** The search of one clip, closed when that leaves the screen. */
function useMomentSearch({ id, name, file, status, media, frames }: Clip): MomentSearch | null {
  const engine = useEngine()
  const duration = media?.duration
  const [search, setSearch] = useState<MomentSearch | null>(null)
  useEffect(() => {
    if (duration === undefined) return
    const opened = new MomentSearch(engine, { id, name, duration })
    setSearch(opened)
    return () => {
      opened.close()
      setSearch(null)
    }
  }, [engine, id, name, duration])
  useEffect(() => search?.take(Object.values(frames), status === 'ready' ? file : null), [search, frames, status, file])
  return search
}

function FindBox({ search, clip }: { readonly search: MomentSearch; readonly clip: Clip }) {
  const { t } = useTranslation()
  const inputId = useId()
  const statusId = useId()
  const state = useSyncExternalStore(search.subscribe, search.getSnapshot)
  // Seconds of the peak that is stood on, by the arrow keys or the focus; null: on none, and Enter means the best.
  const [stand, setStand] = useState<number | null>(null)
  const { result } = state
  const peaks = result?.peaks ?? []
  const times = peaks.map((index) => result?.points[index]?.timestamp ?? 0)
  // More frames are looked at meanwhile: there may be others before it, and it may have moved.
  const current = stand === null || times.length === 0 ? null : nearest(times, stand)

  const standOn = (peak: number) => setStand(times[peak] ?? null)
  const goTo = (peak: number) => {
    const seconds = times[peak]
    if (seconds !== undefined) playhead.seek(clip.id, seconds)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || peaks.length === 0) return
    if (event.key === 'Enter') {
      goTo(current ?? peaks.indexOf(result?.best ?? -1))
    } else if (event.key === 'ArrowDown') {
      standOn(current === null ? 0 : (current + 1) % peaks.length)
    } else if (event.key === 'ArrowUp') {
      standOn(current === null ? peaks.length - 1 : (current + peaks.length - 1) % peaks.length)
    } else return
    event.preventDefault()
  }
  const onPhrase = (phrase: string) => {
    setStand(null)
    search.search(phrase)
  }
  return (
    <search className="find">
      {result && <MomentCurve clip={clip} result={result} current={current} onPeak={standOn} onGo={goTo} />}
      <div className="find-row">
        <div className="find-field">
          <Search aria-hidden="true" />
          <label htmlFor={inputId} className="visually-hidden">
            {t('moments.find')}
          </label>
          <input
            id={inputId}
            type="search"
            className="find-input"
            value={state.phrase}
            maxLength={longestPhrase}
            placeholder={t('moments.placeholder')}
            autoComplete="off"
            enterKeyHint="search"
            aria-describedby={statusId}
            onChange={(event) => onPhrase(event.target.value)}
            onKeyDown={onKeyDown}
          />
          {state.phrase !== '' && (
            <IconButton
              className="find-clear"
              size="small"
              label={t('conversations.clearSearch')}
              icon={<X />}
              onClick={() => {
                onPhrase('')
                document.getElementById(inputId)?.focus()
              }}
            />
          )}
        </div>
        <AskByParts />
      </div>
      <p id={statusId} role="status" className="find-status tabular">
        <SearchStatus state={state} current={current} name={clip.name} />
      </p>
      {state.phrase !== '' && <CloserLook state={state} />}
    </search>
  )
}

type StatusProps = { readonly state: SearchState; readonly current: number | null; readonly name: string }

/** What came of the words, in a sentence. */
function SearchStatus({ state: { status, result, error, phrase }, current, name }: StatusProps) {
  const { t, i18n } = useTranslation()
  if (error) {
    const { text, next } = errorSentences(t, i18n.language, error, name)
    return [text, next].join(sentenceGap(i18n.language))
  }
  if (phrase.trim() === '' || !result) return status === 'searching' ? t('moments.searching') : null
  const time = (index: number | undefined) => formatTime(result.points[index ?? -1]?.timestamp ?? 0)
  const { peaks, best, chance } = result
  if (current !== null) {
    return t('moments.standing', { index: current + 1, count: peaks.length, time: time(peaks[current]) })
  }
  if ((result.points[best]?.similarity ?? 0) <= chance) return t('moments.nothingFits', { time: time(best) })
  return t('moments.found', { count: peaks.length, time: time(best) })
}

/** How far the closer look is; not read out, it would babble. */
function CloserLook({ state: { looking } }: { readonly state: SearchState }) {
  const { t } = useTranslation()
  if (!looking || looking.done >= looking.total) return null
  return (
    <p className="find-status tabular" aria-live="off">
      {t('moments.closer', looking)}
    </p>
  )
}

/** Has the clip described part by part, with the words that the pack was taught. */
function AskByParts() {
  const { t } = useTranslation()
  const session = useSession()
  const pack = usePack()
  const question = pack?.describeVideo
  if (!question) return null
  return (
    <button
      type="button"
      className="button find-parts"
      title={t('moments.describe')}
      onClick={() => session.ask(question, true)}
    >
      <ListVideo aria-hidden="true" />
      <span className="find-parts-name">{t('moments.describe')}</span>
    </button>
  )
}
