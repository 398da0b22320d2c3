import { expect, test } from 'vitest'
import type { LoadProgress } from '../../workers/protocol'
import { paced } from '../../workers/runtime/paced'

test('of a thousand pieces a person is told of the first, the last and a few between; stages do not silence each other', () => {
  const told: LoadProgress[] = []
  let time = 0
  const report = paced(
    (progress) => told.push(progress),
    () => time,
  )
  for (let done = 1; done <= 1000; done += 1) {
    time += 1
    report({ stage: 'download', done, total: 1000 })
    if (done % 10 === 0) report({ stage: 'derive', done, total: 2000 })
  }
  const of = (stage: string) => told.filter((progress) => progress.stage === stage).map(({ done }) => done)
  expect(of('download')).toEqual([1, 101, 201, 301, 401, 501, 601, 701, 801, 901, 1000])
  expect(of('derive')).toEqual([10, 110, 210, 310, 410, 510, 610, 710, 810, 910])
})

test('a last step is told at once', () => {
  const told: number[] = []
  const report = paced(
    ({ done }) => told.push(done),
    () => 0,
  )
  report({ stage: 'session', done: 0, total: 1 })
  report({ stage: 'session', done: 1, total: 1 })
  expect(told).toEqual([0, 1])
})
