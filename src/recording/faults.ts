import type { RecordingSource } from './sources'

/** Why nothing was recorded. The page has a sentence and a next step for each. */
export type RecordingFault =
  | 'camera-refused' // the person or a policy said no
  | 'no-camera'
  | 'camera-busy' // another program has it
  | 'camera-lost' // unplugged or switched off before anything was recorded
  | 'camera-hidden' // the page went out of sight before anything was recorded
  | 'nothing-chosen' // the browser's choice of screens was closed
  | 'screen-refused' // the system shows the browser nothing
  | 'nothing-recorded' // it ended before the first picture
  | 'recorder-failed'

/** Why a recording ended; what was recorded until then is kept whatever it is. */
export type RecordingEnd =
  | 'stopped' // by the person, here or with the browser's own button
  | 'limit'
  | 'lost' // the camera was unplugged or switched off
  | 'hidden' // the page went out of sight of the person that it records
  | 'failed' // the browser's recorder

const ofCamera: Readonly<Record<string, RecordingFault>> = {
  NotAllowedError: 'camera-refused',
  SecurityError: 'camera-refused',
  NotFoundError: 'no-camera',
  OverconstrainedError: 'no-camera',
  NotReadableError: 'camera-busy',
  AbortError: 'camera-busy',
}

const ofScreen: Readonly<Record<string, RecordingFault>> = {
  NotAllowedError: 'nothing-chosen',
  SecurityError: 'screen-refused',
  NotFoundError: 'screen-refused',
  NotReadableError: 'screen-refused',
  AbortError: 'screen-refused',
}

/** What it means that the browser gave no stream; the names are those of the Media Capture specifications. */
export function faultOf(source: RecordingSource, thrown: unknown): RecordingFault {
  // OverconstrainedError is no DOMException in every browser.
  const name = thrown instanceof Error ? thrown.name : ''
  return (source === 'camera' ? ofCamera : ofScreen)[name] ?? 'recorder-failed'
}
