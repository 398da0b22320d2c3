import { type CSSProperties, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { formatTime, needsTenths } from '../app/format'
import { nearest } from './nearest'
import { playhead } from './playhead'
import type { Clip, SampledFrame } from './reducer'
import { useObjectUrl } from './use-object-url'
import { usePointed, usePresent } from './use-playhead'
import './frame-strip.css'

/**
 * The sampled frames in order of time. Each appears when it is encoded; pressing one seeks. Arrow keys walk. Those that
 * something else on the screen points at are marked, and brought into view.
 */
export function FrameStrip({ clip }: { readonly clip: Clip }) {
  const { t } = useTranslation()
  const list = useRef<HTMLOListElement>(null)
  const [focused, setFocused] = useState(0)
  const { timestamps } = clip
  const fine = needsTenths(timestamps)
  const current = nearest(timestamps, usePresent(clip.id))
  const pointed = usePointed(clip.id)

  useEffect(() => {
    const first = timestamps.indexOf(pointed[0] ?? Number.NaN)
    // Only the strip scrolls: the page stays where the person reads.
    const strip = list.current
    const item = strip?.children[first]
    if (!strip || !(item instanceof HTMLElement)) return
    const left = item.offsetLeft - strip.offsetLeft
    if (left < strip.scrollLeft || left + item.offsetWidth > strip.scrollLeft + strip.clientWidth) {
      strip.scrollTo({ left: left - (strip.clientWidth - item.offsetWidth) / 2 })
    }
  }, [pointed, timestamps])

  const onKeyDown = (event: KeyboardEvent) => {
    const last = timestamps.length - 1
    const targets: Record<string, number> = {
      ArrowRight: Math.min(last, focused + 1),
      ArrowLeft: Math.max(0, focused - 1),
      Home: 0,
      End: last,
    }
    const target = targets[event.key]
    if (target === undefined) return
    event.preventDefault()
    setFocused(target)
    list.current?.querySelectorAll('button')[target]?.focus()
  }

  return (
    <ol
      className="strip"
      ref={list}
      style={{ '--strip-aspect': aspect(clip), '--strip-count': timestamps.length } as CSSProperties}
      aria-label={t('clip.frames')}
      onKeyDown={onKeyDown}
    >
      {timestamps.map((timestamp, index) => {
        const frame = clip.frames[index]
        const label = formatTime(timestamp, fine)
        return (
          <li key={timestamp}>
            <button
              type="button"
              className="strip-frame"
              aria-label={frame ? t('clip.seek', { time: label }) : t('clip.pending', { time: label })}
              data-pointed={pointed.includes(timestamp) ? 'true' : undefined}
              aria-current={index === current ? 'true' : undefined}
              tabIndex={index === Math.min(focused, timestamps.length - 1) ? 0 : -1}
              onFocus={() => setFocused(index)}
              onClick={() => playhead.seek(clip.id, timestamp)}
            >
              <span className="strip-picture">{frame && <Thumbnail frame={frame} />}</span>
              <span className="strip-time">{label}</span>
            </button>
          </li>
        )
      })}
    </ol>
  )
}

function Thumbnail({ frame }: { readonly frame: SampledFrame }) {
  const url = useObjectUrl(frame.thumbnail)
  return url ? <img src={url} alt="" draggable={false} /> : null
}

/** The clip's own shape, within what a strip can hold; what lies beyond is cropped. */
function aspect({ media }: Clip): number {
  return media ? Math.min(2, Math.max(0.75, media.width / media.height)) : 16 / 9
}
