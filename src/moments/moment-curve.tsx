import { type CSSProperties, type MouseEvent, type RefObject, useEffect, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { formatTime, needsTenths } from '../app/format'
import { nearest } from '../clip/nearest'
import { playhead } from '../clip/playhead'
import type { Clip } from '../clip/reducer'
import { usePresent } from '../clip/use-playhead'
import { smoothPath } from './curve'
import type { SearchResult } from './moment-search'
import './moment-curve.css'

/** The drawing's own units; the element stretches it. */
const width = 1000
const height = 100

/** A peak beyond this share of the width has its time where the word for chance stands. */
const besideWord = 0.8
/** So much of the curve's height the word takes. */
const roomBelow = 0.35

type Props = {
  readonly clip: Clip
  readonly result: SearchResult
  /** The peak that is stood on. */
  readonly current: number | null
  readonly onPeak: (peak: number) => void
  readonly onGo: (peak: number) => void
}

/**
 * How well each sampled frame fits the words, along the player's bar. The line is smooth, the dots are what was looked
 * at, and the dashed line is what chance reaches. The peaks are buttons; anywhere else a press seeks by place.
 */
export function MomentCurve({ clip, result, current, onPeak, onGo }: Props) {
  const { t } = useTranslation()
  const duration = clip.media?.duration ?? 0
  const { points, peaks, chance, usual } = result
  const low = Math.min(usual, ...points.map(({ similarity }) => similarity))
  const high = Math.max(chance, ...points.map(({ similarity }) => similarity))
  const x = (seconds: number) => (duration > 0 ? Math.min(1, Math.max(0, seconds / duration)) : 0)
  const y = (similarity: number) => (high > low ? (similarity - low) / (high - low) : 0)
  const line = smoothPath(points.map((p) => ({ x: x(p.timestamp) * width, y: (1 - y(p.similarity)) * height })))
  const [first, last] = [points[0], points.at(-1)]
  const fine = needsTenths(peaks.map((index) => points[index]?.timestamp ?? 0))
  // Its time would lie over the word for chance, which stands at the other side then.
  const atEnd = x(points[peaks.at(-1) ?? -1]?.timestamp ?? 0) > besideWord
  // Where the curve passes above that line, the word stands below it.
  const beside = points.filter(({ timestamp }) => (atEnd ? x(timestamp) < 1 - besideWord : x(timestamp) > besideWord))
  const below = y(chance) > roomBelow && beside.some(({ similarity }) => similarity > chance)
  usePointedPeak(clip, points[peaks[current ?? -1] ?? -1]?.timestamp)
  const list = useRef<HTMLUListElement>(null)
  const focus = useKeptPeak(list, current)

  const onPress = (event: MouseEvent<HTMLDivElement>) => {
    const { left, width: across } = event.currentTarget.getBoundingClientRect()
    playhead.seek(clip.id, ((event.clientX - left) / across) * duration)
  }
  return (
    <div className="curve">
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the peaks are buttons, and the player's own bar seeks by key */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above */}
      <div className="curve-stage" onClick={onPress}>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={t('moments.curve')}>
          {first && last && (
            <path
              className="curve-area"
              d={`${line}L${x(last.timestamp) * width},${height}L${x(first.timestamp) * width},${height}Z`}
            />
          )}
          <line
            className="curve-chance"
            x1="0"
            x2={width}
            y1={(1 - y(chance)) * height}
            y2={(1 - y(chance)) * height}
          />
          <path className="curve-line" d={line} />
        </svg>
        {points.map(({ timestamp, similarity }) => (
          <span key={timestamp} className="curve-dot" style={place(x(timestamp), y(similarity))} />
        ))}
        <span
          className="curve-chance-name"
          data-side={atEnd ? 'start' : 'end'}
          data-below={below}
          aria-hidden="true"
          style={place(0, y(chance))}
        >
          {t('moments.chance')}
        </span>
        <Present clip={clip} />
      </div>
      <ul ref={list} className="curve-peaks" aria-label={t('moments.peaks')} {...focus}>
        {peaks.map((index, peak) => {
          const point = points[index]
          if (!point) return null
          const time = formatTime(point.timestamp, fine)
          return (
            <li key={point.timestamp} className="curve-peak" style={place(x(point.timestamp), y(point.similarity))}>
              <button
                type="button"
                className="curve-time"
                data-weak={point.similarity <= chance ? 'true' : undefined}
                aria-current={peak === current ? 'true' : undefined}
                aria-label={t('clip.seek', { time })}
                onFocus={() => onPeak(peak)}
                onClick={() => onGo(peak)}
              >
                {time}
              </button>
            </li>
          )
        })}
      </ul>
    </div>
  )
}

/** Where the player stands; moves many times a second, so it renders alone. */
function Present({ clip }: { readonly clip: Clip }) {
  const duration = clip.media?.duration ?? 0
  const present = usePresent(clip.id)
  return <span className="curve-present" style={place(duration > 0 ? Math.min(1, present / duration) : 0, 0)} />
}

/** Marks in the strip the frame nearest to the peak that is stood on. */
function usePointedPeak({ id, timestamps }: Clip, seconds: number | undefined): void {
  useEffect(() => {
    if (seconds === undefined) return
    const frame = timestamps[nearest(timestamps, seconds)]
    playhead.point(id, frame === undefined ? [] : [frame])
    return () => playhead.point(id, [])
  }, [id, timestamps, seconds])
}

/**
 * A peak that has the focus goes away where more frames show that the moment is another one: the focus goes on at the peak
 * that is stood on now, instead of at the start of the page.
 * @returns the list's handlers
 */
function useKeptPeak(list: RefObject<HTMLUListElement | null>, current: number | null) {
  const holds = useRef(false)
  useLayoutEffect(() => {
    if (!holds.current || document.activeElement !== document.body) return
    list.current?.querySelectorAll('button')[current ?? 0]?.focus({ preventScroll: true })
  })
  const hold = (now: boolean) => () => {
    holds.current = now
  }
  return { onFocus: hold(true), onBlur: hold(false) }
}

/** Shares of the curve's width and height, for the stylesheet. */
const place = (x: number, y: number) => ({ '--x': x, '--y': y }) as CSSProperties
