import { expect, test } from 'vitest'
import type { EncodedClip, EncodeEvent, MediaInfo } from '../../workers/protocol'
import { activeClip, type ClipsAction, clipsReducer, noClips } from './reducer'

const media: MediaInfo = {
  kind: 'video',
  container: 'MP4',
  codec: 'avc1.42001f',
  width: 320,
  height: 180,
  rotation: 0,
  duration: 4,
}
const encoded: EncodedClip = {
  clipId: 'one',
  media,
  timestamps: [1, 3],
  patchTokens: 16,
  frameTokens: 2,
  backend: 'wasm',
  route: 'planes',
  timings: { open: 1, decode: 2, encode: 3, total: 6 },
}
const run = (...actions: ClipsAction[]) => actions.reduce(clipsReducer, noClips)
const added = (id: string): ClipsAction => ({ type: 'added', id, name: `${id}.mp4`, file: new Blob() })
const event = (value: EncodeEvent): ClipsAction => ({ type: 'event', id: 'one', event: value })
const frame = (index: number): ClipsAction =>
  event({ type: 'frame', index, timestamp: index * 2 + 1, thumbnail: new Blob(), vector: new Float32Array(2) })

test('a clip goes from opening through its frames to ready', () => {
  const steps = [
    added('one'),
    event({ type: 'opened', media }),
    event({ type: 'planned', timestamps: [1, 3] }),
    frame(0),
    frame(1),
    event({ type: 'encoded', clip: encoded }),
  ]
  const clips = steps.map((_, index) => activeClip(run(...steps.slice(0, index + 1))))
  expect(clips.map((clip) => clip?.status)).toEqual([
    'opening',
    'encoding',
    'encoding',
    'encoding',
    'encoding',
    'ready',
  ])
  expect(clips.map((clip) => Object.keys(clip?.frames ?? {}).length)).toEqual([0, 0, 0, 1, 2, 2])
  expect(clips.at(-1)?.encoded).toBe(encoded)
})

test('an encode that begins anew drops the frames it had', () => {
  const state = run(
    added('one'),
    event({ type: 'opened', media }),
    event({ type: 'planned', timestamps: [1, 3] }),
    frame(0),
    event({ type: 'opened', media }),
  )
  expect(activeClip(state)).toMatchObject({ status: 'encoding', timestamps: [], frames: {} })
})

test('removing the active clip shows the one opened before it', () => {
  const state = run(added('one'), added('two'))
  expect(state.activeId).toBe('two')
  const back = clipsReducer(state, { type: 'removed', id: 'two' })
  expect(back.activeId).toBe('one')
  expect(clipsReducer(back, { type: 'removed', id: 'one' })).toEqual(noClips)
})

test('events of a clip that is gone change nothing', () => {
  const state = run(added('two'))
  expect(clipsReducer(state, frame(0))).toBe(state)
})

test('sampling anew keeps what is known of the media, so that the player stays', () => {
  const state = run(added('one'), event({ type: 'opened', media }), event({ type: 'encoded', clip: encoded }), {
    type: 'resampled',
    id: 'one',
  })
  expect(activeClip(state)).toMatchObject({ status: 'opening', media, encoded: null, timestamps: [] })
})
