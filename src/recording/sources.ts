/** What can be recorded here, and how it is asked for. */
import { chooseFormat, type RecordingFormat } from './format'

const recordingSources = ['camera', 'screen'] as const
export type RecordingSource = (typeof recordingSources)[number]

/** The format that this browser records in; null where it does not record. */
export function recordingFormat(): RecordingFormat | null {
  if (!('MediaRecorder' in globalThis)) return null
  return chooseFormat((mimeType) => MediaRecorder.isTypeSupported(mimeType))
}

/** What this browser lets a page record. Phones have no screen capture; pages that are not secure have neither. */
export function availableSources(): readonly RecordingSource[] {
  // Not there over plain http, whatever TypeScript says.
  const devices = navigator.mediaDevices as Partial<MediaDevices> | undefined
  if (!devices || !recordingFormat()) return []
  return recordingSources.filter((source) => (source === 'camera' ? devices.getUserMedia : devices.getDisplayMedia))
}

/**
 * Asks the browser for the pictures of a source; the browser asks the person. Pictures only: Valley reads no sound, and
 * what is not needed is not recorded. `cameraId`: that camera and no other.
 * @throws DOMException, see faultOf
 */
export function openStream(source: RecordingSource, cameraId?: string): Promise<MediaStream> {
  if (source === 'screen') {
    // The model looks at few pictures; a large screen at full rate would only cost memory.
    return navigator.mediaDevices.getDisplayMedia({
      video: { width: { max: 1920 }, height: { max: 1080 }, frameRate: { ideal: 15, max: 30 } },
      audio: false,
    })
  }
  const which = cameraId ? { deviceId: { exact: cameraId } } : { facingMode: { ideal: 'environment' } }
  return navigator.mediaDevices.getUserMedia({
    video: { ...which, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
    audio: false,
  })
}

/** Whether a camera looks at the person, who then expects a mirror. Webcams do not say; they do. */
export function isMirrored(stream: MediaStream): boolean {
  const { facingMode } = stream.getVideoTracks()[0]?.getSettings() ?? {}
  return facingMode !== 'environment'
}

/** Ids of the cameras; those of browsers that tell them only once one is in use. */
export async function cameraIds(): Promise<readonly string[]> {
  const devices = await navigator.mediaDevices.enumerateDevices()
  return devices
    .filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId !== '')
    .map(({ deviceId }) => deviceId)
}
