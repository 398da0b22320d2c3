import { describe, expect, test } from 'vitest'
import { withTimes } from '../../workers/vision/times'

const HIDDEN = 2
const knots = { shape: [3, HIDDEN], data: new Float32Array([0, 10, 4, 20, 8, 40]) }
const timed = new Map([['times', knots]])
const zeros = (frames: number) => new Float32Array(frames * HIDDEN)

describe('the time of a frame', () => {
  test('the knots stand at the first, middle and last frame, and between them what lies between', () => {
    expect([...withTimes(zeros(3), HIDDEN, timed)]).toEqual([...knots.data])
    expect([...withTimes(zeros(5), HIDDEN, timed)]).toEqual([0, 10, 2, 15, 4, 20, 6, 30, 8, 40])
    expect([...withTimes(zeros(2), HIDDEN, timed)]).toEqual([0, 10, 8, 40])
  })

  test('is added to the token, which stays as it was for whoever keeps it', () => {
    const tokens = new Float32Array([1, 1, 1, 1])
    expect([...withTimes(tokens, HIDDEN, timed)]).toEqual([1, 11, 9, 41])
    expect([...tokens]).toEqual([1, 1, 1, 1])
  })

  test('is nothing for one frame alone or a pack without times', () => {
    expect([...withTimes(zeros(1), HIDDEN, timed)]).toEqual([0, 0])
    expect([...withTimes(zeros(4), HIDDEN, new Map())]).toEqual([...zeros(4)])
  })
})
