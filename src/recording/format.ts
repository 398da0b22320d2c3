/** What a recording is written as, and what the file is called. Pure. */

export type RecordingFormat = {
  /** As MediaRecorder takes it. */
  readonly mimeType: string
  readonly container: 'webm' | 'mp4'
}

/**
 * Best first. WebM with VP9 or VP8 comes first because it survives a change of picture size: a recorded window is resized,
 * a phone is turned. Safari's older versions write MP4 only. What a browser records, it can also play and decode.
 */
const formats: readonly RecordingFormat[] = [
  { mimeType: 'video/webm;codecs=vp9', container: 'webm' },
  { mimeType: 'video/webm;codecs=vp8', container: 'webm' },
  { mimeType: 'video/webm', container: 'webm' },
  { mimeType: 'video/mp4;codecs=avc1.42E01F', container: 'mp4' },
  { mimeType: 'video/mp4', container: 'mp4' },
]

/** The best format of those that `isSupported` accepts; null where there is none. */
export function chooseFormat(isSupported: (mimeType: string) => boolean): RecordingFormat | null {
  return formats.find(({ mimeType }) => isSupported(mimeType)) ?? null
}

/**
 * "Camera 2026-11-24 20.15.03.webm": sorts by time, differs from second to second, and has no character that a file
 * system refuses. Local time.
 */
export function recordingName(label: string, begun: Date, container: RecordingFormat['container']): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = [begun.getFullYear(), two(begun.getMonth() + 1), two(begun.getDate())].join('-')
  const time = [begun.getHours(), begun.getMinutes(), begun.getSeconds()].map(two).join('.')
  return `${label} ${day} ${time}.${container}`
}
