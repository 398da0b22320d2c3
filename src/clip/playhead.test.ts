import { expect, test, vi } from 'vitest'
import { Playhead } from './playhead'

test('a seek reaches the clip’s player, and everybody hears where it stands', () => {
  const playhead = new Playhead()
  const player = vi.fn()
  const heard: number[] = []
  playhead.attach('one', player)
  playhead.subscribe(() => heard.push(playhead.getSnapshot().seconds))
  playhead.seek('one', 7)
  playhead.report('one', 7.5)
  playhead.report('one', 7.5)
  expect(player.mock.calls).toEqual([[7]])
  expect(heard).toEqual([7, 7.5])
})

test('a seek in a clip that is not on screen is wanted at once and happens when its player comes', () => {
  const playhead = new Playhead()
  const shown = vi.fn()
  const wanted = vi.fn()
  const leave = playhead.attach('one', shown)
  playhead.report('one', 3)
  playhead.seek('two', 9)
  expect(playhead.getSnapshot()).toMatchObject({ clipId: 'one', seconds: 3, sought: { clipId: 'two', seconds: 9 } })
  leave()
  playhead.attach('two', wanted)
  expect(wanted.mock.calls).toEqual([[9]])
  expect(playhead.getSnapshot()).toMatchObject({ clipId: 'two', seconds: 9 })
  playhead.attach('two', wanted)
  expect(wanted).toHaveBeenCalledTimes(1)
  expect(shown).not.toHaveBeenCalled()
})

test('the same place can be asked for twice', () => {
  const playhead = new Playhead()
  playhead.seek('one', 2)
  playhead.seek('one', 2)
  expect(playhead.getSnapshot().sought?.count).toBe(2)
})

test('pointing marks moments of one clip until that clip’s are taken away', () => {
  const playhead = new Playhead()
  playhead.point('one', [1, 2])
  playhead.point('two', [])
  expect(playhead.getSnapshot().pointed).toEqual({ clipId: 'one', timestamps: [1, 2] })
  playhead.point('one', [])
  expect(playhead.getSnapshot().pointed).toBeNull()
})
