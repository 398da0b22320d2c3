import { CircleAlert, CircleQuestionMark, Copy, CopyCheck, RefreshCw, ScanSearch } from 'lucide-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useSession, useSessionState } from '../app/context'
import { errorSentences } from '../app/error-text'
import { formatPercent, formatTime, sentenceGap } from '../app/format'
import { IconButton } from '../app/icon-button'
import { useCopy } from '../app/use-copy'
import { summarizeEngine, useEmbedsTexts, useEngineState } from '../assistant/hooks'
import { type Clip, isAtHand } from '../clip/reducer'
import type { Evidence } from '../moments/evidence'
import { AnswerEvidence } from './answer-evidence'
import type { AnswerMarkdownProps } from './answer-markdown'
import { AnswerQuotes } from './answer-quotes'
import { AnswerSegments } from './answer-segments'
import { AnswerStatsView } from './answer-stats'
import { AnswerText } from './answer-text'
import type { ChatTurn } from './reducer'
import { TurnQuestion } from './turn-question'
import { useLiveText } from './use-live-text'
import './turn-view.css'

type Props = {
  readonly turn: ChatTurn
  readonly clip: Clip | null
  readonly clipName: string | null
  /** It can be asked again: the last turn, nothing else running. */
  readonly canAskAgain: boolean
}

/** One question and its answer, or how far the answer is. */
export function TurnView({ turn, clip, clipName, canAskAgain }: Props) {
  const { t, i18n } = useTranslation()
  const ended = turn.status === 'done' || turn.status === 'stopped' || turn.status === 'failed'
  const error = turn.error && errorSentences(t, i18n.language, turn.error, clipName ?? undefined)
  return (
    <li className="turn" data-status={turn.status}>
      <TurnQuestion turn={turn} />
      <div className="turn-answer">
        <h2 className="visually-hidden">{t('chat.answer')}</h2>
        <TurnAnswer turn={turn} clip={clip} />
        {!ended && <TurnProgress turn={turn} clip={clip} />}
        {turn.evidence && clip && <TurnEvidence evidence={turn.evidence} clip={clip} />}
        {turn.status === 'done' && !turn.answer && <p className="turn-note">{t('chat.nothing')}</p>}
        {turn.reason === 'length' && <p className="turn-note">{t('chat.cut')}</p>}
        {turn.stats && turn.stats.droppedTurns > 0 && (
          <p className="turn-note">{t('chat.dropped', { count: turn.stats.droppedTurns })}</p>
        )}
        {turn.status === 'stopped' && (
          <p className="turn-note">{turn.answer ? t('chat.stopped') : t('chat.stoppedEmpty')}</p>
        )}
        {error && (
          <p className="turn-error">
            <CircleAlert aria-hidden="true" />
            <span>
              {error.text}
              {sentenceGap(i18n.language)}
              {error.next}
            </span>
          </p>
        )}
        {ended && <TurnActions turn={turn} clip={clip} canAskAgain={canAskAgain} />}
      </div>
    </li>
  )
}

/** The answer as it stands or grows. */
function TurnAnswer({ turn, clip }: { readonly turn: ChatTurn; readonly clip: Clip | null }) {
  const id = clip?.media?.kind === 'video' ? clip.id : undefined
  const duration = clip?.media?.duration
  // Times in an answer lead into a video; a picture has none. The same object while the clip's frames come in: a long chat
  // would parse all its Markdown again for each of them.
  const seekable = useMemo(() => (id === undefined || duration === undefined ? null : { id, duration }), [id, duration])
  if (turn.segments) return turn.segments.length > 0 && <AnswerSegments segments={turn.segments} clip={clip} />
  return (
    <>
      {turn.answer && <AnswerText text={turn.answer} clip={seekable} live={false} />}
      {turn.status === 'writing' && <LiveText clip={seekable} />}
    </>
  )
}

/** Where an answer was seen. Of a picture there is only one frame to point at: nothing but the doubt is worth saying. */
function TurnEvidence({ evidence, clip }: { readonly evidence: Evidence; readonly clip: Clip }) {
  const { t } = useTranslation()
  const isVideo = clip.media?.kind === 'video'
  return (
    <>
      {evidence.unsure && (
        <p className="turn-unsure">
          <CircleQuestionMark aria-hidden="true" />
          {isVideo ? t('moments.unsure') : t('moments.unsureImage')}
        </p>
      )}
      {isVideo && <AnswerEvidence evidence={evidence} clip={clip} />}
    </>
  )
}

/** The text being written; the only thing that renders while tokens come in. */
function LiveText({ clip }: Pick<AnswerMarkdownProps, 'clip'>) {
  const text = useLiveText()
  // A search of several beams may have none that is certain yet.
  return text && <AnswerText text={text.trimStart()} clip={clip} live={true} />
}

function TurnProgress({ turn, clip }: { readonly turn: ChatTurn; readonly clip: Clip | null }) {
  const { t, i18n } = useTranslation()
  const engine = useEngineState()
  const runningTurn = useSessionState('runningTurn')
  const text = () => {
    const duration = clip?.media?.duration
    if (turn.segments && turn.status !== 'waiting' && duration) {
      return t('moments.walking', { from: formatTime(turn.segments.at(-1)?.end ?? 0), to: formatTime(duration) })
    }
    if (turn.tries) {
      const { done, total } = turn.tries
      return t('conversations.trying', { done: Math.min(done + 1, total), total })
    }
    if (turn.status === 'writing') return t('chat.writing')
    if (turn.prefill) return t('chat.readingTokens', turn.prefill)
    const summary = summarizeEngine(engine)
    if (turn.status === 'waiting' && !clip) return t('chat.waitingClip')
    if (turn.status === 'waiting' && clip && !isAtHand(clip)) return t('conversations.waitingFile')
    if (summary.status === 'failed') return t('chat.waitingFailed')
    if (summary.status === 'loading' && (turn.status === 'reading' || engine.vision.status === 'loading')) {
      if (summary.share === null) return t('chat.waitingEngine')
      return t('chat.waitingEnginePercent', { percent: formatPercent(summary.share, i18n.language) })
    }
    if (turn.status === 'reading') return t('chat.reading')
    if (runningTurn && clip?.status === 'ready') return t('chat.waitingTurn')
    const total = clip?.timestamps.length ?? 0
    if (clip?.status !== 'encoding' && clip?.status !== 'ready') return t('chat.waitingOpen')
    return t('chat.waitingFrames', { done: Object.keys(clip.frames).length, total })
  }
  return (
    <p className="turn-progress tabular">
      <span className="turn-pulse" aria-hidden="true" />
      {text()}
    </p>
  )
}

type ActionsProps = {
  readonly turn: ChatTurn
  readonly clip: Clip | null
  readonly canAskAgain: boolean
}

function TurnActions({ turn, clip, canAskAgain }: ActionsProps) {
  const { t } = useTranslation()
  const session = useSession()
  const canCompare = useEmbedsTexts()
  return (
    <div className="turn-actions">
      {turn.answer && <CopyButton text={turn.answer} />}
      {canAskAgain && turn.status === 'failed' && (
        <button type="button" className="button" data-size="small" onClick={() => session.askAgain(turn.id)}>
          <RefreshCw aria-hidden="true" />
          {t('chat.askAgain')}
        </button>
      )}
      {canAskAgain && turn.status !== 'failed' && (
        <IconButton
          size="small"
          label={t('chat.askAgain')}
          icon={<RefreshCw />}
          onClick={() => session.askAgain(turn.id)}
        />
      )}
      {canAskAgain && canCompare && turn.evidence && (
        <IconButton
          size="small"
          label={t('conversations.harder')}
          icon={<ScanSearch />}
          onClick={() => session.askHarder(turn.id)}
        />
      )}
      {turn.stats && (turn.stats.quotes.length > 0 || turn.stats.order) && (
        <AnswerQuotes quotes={turn.stats.quotes} order={turn.stats.order} />
      )}
      <AnswerStatsView turn={turn} clip={clip} />
    </div>
  )
}

function CopyButton({ text }: { readonly text: string }) {
  const { t } = useTranslation()
  const { copied, copy } = useCopy<'answer'>()
  return (
    <IconButton
      size="small"
      label={copied ? t('chat.copied') : t('chat.copy')}
      icon={copied ? <CopyCheck /> : <Copy />}
      onClick={() => copy('answer', text)}
    />
  )
}
