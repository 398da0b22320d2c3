import { CircleAlert, MonitorUp, SwitchCamera, Video } from 'lucide-react'
import * as Dialog from 'radix-ui/dialog'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { DialogHead, focusDialog } from '../app/dialog-head'
import { formatTime } from '../app/format'
import { Meter } from '../app/meter'
import { recordingName } from './format'
import { longestRecording, type RecorderState, SnippetRecorder } from './recorder'
import { isMirrored, type RecordingSource } from './sources'
import './recording-dialog.css'

type Props = {
  readonly source: RecordingSource
  /** The recording is to be talked about. Called once for each. */
  readonly onRecorded: (file: File) => void
  readonly onClose: () => void
}

/** Records a snippet: asks for the camera or a screen, shows it, records it, hands it over. */
export default function RecordingDialog({ source, onRecorded, onClose }: Props) {
  const { t } = useTranslation()
  const [recorder] = useState(
    () =>
      new SnippetRecorder(source, ({ pictures, container, begun }) => {
        const name = recordingName(t(`recording.fileName.${source}`), begun, container)
        onRecorded(new File([pictures], name, { type: pictures.type }))
      }),
  )
  const state = useSyncExternalStore(recorder.subscribe, recorder.getState)
  const { status } = state
  const busy = status === 'recording' || status === 'finishing'
  const ended = state.status === 'kept' && state.end === 'stopped'
  useEffect(() => () => recorder.close(), [recorder])
  useEffect(() => {
    if (ended) onClose()
  }, [ended, onClose])
  useLeaveWarning(busy)

  const leave = () => {
    // Whatever closes a dialog must not throw away what was recorded.
    if (status === 'recording') recorder.stop()
    else if (status !== 'finishing') onClose()
  }
  return (
    <Dialog.Root open onOpenChange={(open) => !open && leave()}>
      <Dialog.Portal>
        <Dialog.Overlay className="scrim" />
        <Dialog.Content
          className="dialog recording"
          data-status={status}
          aria-describedby={undefined}
          // Only its buttons end a recording: a press beside the dialog is easily a slip.
          onInteractOutside={(event) => busy && event.preventDefault()}
          onOpenAutoFocus={focusDialog}
        >
          <DialogHead title={t(`recording.title.${source}`)} close={busy ? null : t('recording.close')} />
          <Stage source={source} state={state} />
          <Words source={source} state={state} />
          <div className="dialog-actions">
            {state.status === 'previewing' && state.cameras > 1 && (
              <button type="button" className="button recording-aside" onClick={() => void recorder.nextCamera()}>
                <SwitchCamera aria-hidden="true" />
                {t('recording.nextCamera')}
              </button>
            )}
            {status === 'recording' && (
              <button
                type="button"
                className="button recording-aside"
                data-look="danger"
                onClick={() => recorder.discard()}
              >
                {t('recording.discard')}
              </button>
            )}
            <MainButton source={source} state={state} recorder={recorder} onClose={onClose} />
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

type StateProps = { readonly source: RecordingSource; readonly state: RecorderState }

/** What the camera or the screen shows at the moment. */
function Stage({ source, state }: StateProps) {
  const { t } = useTranslation()
  const video = useRef<HTMLVideoElement>(null)
  const stream = state.status === 'previewing' || state.status === 'recording' ? state.stream : null
  useEffect(() => {
    if (video.current) video.current.srcObject = stream
  }, [stream])
  return (
    <div className="recording-stage">
      {stream ? (
        <video
          ref={video}
          autoPlay
          muted
          playsInline
          aria-label={t('recording.preview')}
          data-mirrored={source === 'camera' && isMirrored(stream)}
        />
      ) : source === 'camera' ? (
        <Video aria-hidden="true" strokeWidth={1.5} />
      ) : (
        <MonitorUp aria-hidden="true" strokeWidth={1.5} />
      )}
    </div>
  )
}

/** What happens, and what to do. */
function Words({ source, state }: StateProps) {
  const { t } = useTranslation()
  const limit = formatTime(longestRecording)
  const words = () => {
    switch (state.status) {
      case 'ready':
        return t(`recording.intro.${source}`)
      case 'asking':
        return t(`recording.asking.${source}`)
      case 'previewing':
        return t('recording.previewing', { limit })
      case 'recording':
        return t('recording.recording')
      case 'finishing':
        return t('recording.finishing')
      case 'kept':
        // Stopped by the person, the dialog is about to close.
        return state.end === 'stopped' ? null : t(`recording.ends.${state.end}`, { limit })
      case 'failed':
        return null
    }
  }
  return (
    <div className="recording-words">
      <p className="recording-status" role="status">
        {words()}
      </p>
      {state.status === 'recording' && <Elapsed since={state.since} />}
      <div role="alert">
        {state.status === 'failed' && (
          <p className="recording-fault" data-fault={state.fault}>
            <CircleAlert aria-hidden="true" />
            <span>
              <strong>{t(`recording.faults.${state.fault}.text`)}</strong> {t(`recording.faults.${state.fault}.next`)}
            </span>
          </p>
        )}
      </div>
    </div>
  )
}

/** How long it has been recording, of how long it may. Not part of the status: a reader that read every second of it would drown the rest. */
function Elapsed({ since }: { readonly since: number | null }) {
  const { t } = useTranslation()
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    if (since === null) return
    const timer = setInterval(() => setSeconds((performance.now() - since) / 1000), 200)
    return () => clearInterval(timer)
  }, [since])
  return (
    <>
      <p className="tabular" role="timer">
        {t('recording.elapsed', { elapsed: formatTime(seconds), limit: formatTime(longestRecording) })}
      </p>
      <Meter label={t('recording.length')} share={seconds / longestRecording} />
    </>
  )
}

type MainButtonProps = StateProps & { readonly recorder: SnippetRecorder; readonly onClose: () => void }

/** One button for what comes next: it stays where it is, and so does the focus. */
function MainButton({ source, state, recorder, onClose }: MainButtonProps) {
  const { t } = useTranslation()
  const step = (): { readonly label: string; readonly act?: () => void } => {
    switch (state.status) {
      case 'ready':
        return { label: t(`recording.ask.${source}`), act: () => void recorder.ask() }
      case 'asking':
        return { label: t(`recording.ask.${source}`) }
      case 'previewing':
        return { label: t('recording.start'), act: () => recorder.start() }
      case 'recording':
        return { label: t('recording.stop'), act: () => recorder.stop() }
      case 'finishing':
        return { label: t('recording.stop') }
      case 'kept':
        return { label: t('recording.goOn'), act: onClose }
      case 'failed':
        return { label: t('recording.again'), act: () => void recorder.ask() }
    }
  }
  const { label, act } = step()
  return (
    // Disabled, it would lose the focus.
    <button type="button" className="button" data-look="primary" aria-disabled={!act} onClick={act}>
      {label}
    </button>
  )
}

/** The browser asks before the page goes away with what was recorded. */
function useLeaveWarning(active: boolean): void {
  useEffect(() => {
    if (!active) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [active])
}
