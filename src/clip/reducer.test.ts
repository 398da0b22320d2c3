import { expect, test } from 'vitest'
import { encodedSample, samplePack as pack, sampleMedia } from '../../tests/fixtures/sample'
import type { EncodeEvent } from '../../workers/protocol'
import { activeClip, type ClipsAction, clipsReducer, noClips } from './reducer'

const media = sampleMedia(4)
const encoded = encodedSample('one', media, [1, 3])
const run = (...actions: ClipsAction[]) => actions.reduce(clipsReducer, noClips)
const added = (id: string): ClipsAction => ({ type: 'added', id, name: `${id}.mp4`, file: new Blob(), active: true })
const event = (value: EncodeEvent): ClipsAction => ({ type: 'event', id: 'one', event: value })
const opened = event({ type: 'opened', media, pack, fromCache: false })
const frame = (index: number): ClipsAction =>
  event({ type: 'frame', index, timestamp: index * 2 + 1, thumbnail: new Blob(), vector: new Float32Array(2) })

test('a clip goes from opening through its frames to ready', () => {
  const steps = [
    added('one'),
    opened,
    event({ type: 'planned', timestamps: [1, 3] }),
    frame(0),
    frame(1),
    event({ type: 'encoded', clip: encoded }),
  ]
  const clips = steps.map((_, index) => activeClip(run(...steps.slice(0, index + 1))))
  expect(clips.map((clip) => clip?.status)).toEqual([
    'opening',
    'planning',
    'encoding',
    'encoding',
    'encoding',
    'ready',
  ])
  expect(clips.map((clip) => Object.keys(clip?.frames ?? {}).length)).toEqual([0, 0, 0, 1, 2, 2])
  expect(clips.at(-1)?.encoded).toBe(encoded)
})

test('an encode that begins anew drops the frames it had, and keeps their places until it has planned', () => {
  const planned = (...timestamps: number[]) => event({ type: 'planned', timestamps })
  const state = run(added('one'), opened, planned(1, 3), frame(0), opened)
  expect(activeClip(state)).toMatchObject({ status: 'planning', timestamps: [1, 3], frames: {} })
  expect(activeClip(clipsReducer(state, planned(1, 2, 3)))).toMatchObject({
    status: 'encoding',
    timestamps: [1, 2, 3],
    frames: {},
  })
})

test('what a pack has kept of a clip takes the place of the same, frame by frame', () => {
  const by = (pack: typeof known, fromCache: boolean) => event({ type: 'opened', media, pack, fromCache })
  const known = { ...pack }
  const planned = (...timestamps: number[]) => event({ type: 'planned', timestamps })
  const seen = [added('one'), opened, planned(1, 3), frame(0), frame(1), event({ type: 'encoded', clip: encoded })]
  const framesAfter = (...after: ClipsAction[]) => Object.keys(activeClip(run(...seen, ...after))?.frames ?? {})
  expect(framesAfter(by(known, true), planned(1, 3))).toEqual(['0', '1'])
  expect(framesAfter(by(known, true), planned(1, 2, 3))).toEqual([])
  expect(framesAfter(by(known, false), planned(1, 3))).toEqual([])
  // Vectors of two packs do not compare.
  expect(framesAfter(by({ ...pack, hash: 'i' }, true), planned(1, 3))).toEqual([])
  expect(activeClip(run(...seen, by(known, true)))).toMatchObject({ status: 'planning', encoded: null })
})

test('removing the active clip shows the one that is named, if it is there', () => {
  const state = run(added('one'), added('two'))
  expect(state.activeId).toBe('two')
  const back = clipsReducer(state, { type: 'removed', id: 'two', show: 'one' })
  expect(back.activeId).toBe('one')
  expect(clipsReducer(state, { type: 'removed', id: 'two', show: 'two' }).activeId).toBeNull()
  expect(clipsReducer(back, { type: 'removed', id: 'one', show: null })).toEqual(noClips)
})

test('events of a clip that is gone change nothing', () => {
  const state = run(added('two'))
  expect(clipsReducer(state, frame(0))).toBe(state)
})

test('reopening keeps what was seen on show until there is something new to see', () => {
  const file = new Blob(['again'])
  const seen = run(added('one'), opened, frame(0), event({ type: 'encoded', clip: encoded }))
  const state = clipsReducer(seen, { type: 'reopened', id: 'one', file })
  expect(activeClip(state)).toMatchObject({ status: 'opening', media, file, frames: { 0: { timestamp: 1 } } })
  expect(activeClip(clipsReducer(state, opened))?.frames).toEqual({})
})

test('of several clips opened at once the first is shown, and any can be chosen', () => {
  const second: ClipsAction = { type: 'added', id: 'two', name: 'two.png', file: new Blob(), active: false }
  const state = run(added('one'), second)
  expect(state).toMatchObject({ activeId: 'one', order: ['one', 'two'] })
  expect(clipsReducer(state, { type: 'chosen', id: 'two' }).activeId).toBe('two')
  expect(clipsReducer(state, { type: 'chosen', id: 'gone' })).toBe(state)
})

test('a clip put aside keeps its frames; one whose file is lost does too, and says why', () => {
  const seen = run(added('one'), opened, frame(0), event({ type: 'encoded', clip: encoded }))
  const aside = clipsReducer(seen, { type: 'put-aside', id: 'one' })
  expect(aside).toMatchObject({ activeId: null, clips: { one: { status: 'closed', frames: { 0: { index: 0 } } } } })
  const lost = clipsReducer(seen, { type: 'lost', id: 'one', why: 'locked' })
  expect(activeClip(lost)).toMatchObject({ status: 'locked', file: null, frames: { 0: { index: 0 } } })
  // Putting it aside does not make the file readable.
  expect(clipsReducer(lost, { type: 'put-aside', id: 'one' }).clips.one?.status).toBe('locked')
})

test('a clip that another pack had looked at says so until this one has, or until that was noted', () => {
  const newer = { ...pack, version: '2', hash: 'i' }
  const openedBy = (by: typeof pack, fromCache = false) => event({ type: 'opened', media, pack: by, fromCache })
  const done = event({ type: 'encoded', clip: encoded })
  const packs = (...after: ClipsAction[]) => {
    const clip = activeClip(run(added('one'), opened, done, ...after))
    return [clip?.pack?.version, clip?.packBefore?.version]
  }
  expect(packs()).toEqual(['1', undefined])
  expect(packs(opened)).toEqual(['1', undefined])
  expect(packs(openedBy(newer))).toEqual(['2', '1'])
  // Encoding began anew after a lost device.
  expect(packs(openedBy(newer), openedBy(newer))).toEqual(['2', '1'])
  expect(packs(openedBy(newer), done)).toEqual(['2', undefined])
  expect(packs(openedBy(newer), { type: 'pack-noted', id: 'one' })).toEqual(['2', undefined])
  // Known to the other pack as well: nothing is looked at again.
  expect(packs(openedBy(newer, true))).toEqual(['2', undefined])
})

test('a pack that never got to the end of a clip is not one that looked at it', () => {
  const newer = { ...pack, hash: 'i' }
  const state = run(added('one'), opened, event({ type: 'opened', media, pack: newer, fromCache: false }))
  expect(activeClip(state)).toMatchObject({ pack: newer, packBefore: null })
})
