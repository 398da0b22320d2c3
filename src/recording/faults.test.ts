import { expect, test } from 'vitest'
import { faultOf } from './faults'

const exception = (name: string) => new DOMException('whatever the browser says', name)

test.each([
  ['camera', 'NotAllowedError', 'camera-refused'],
  ['camera', 'NotFoundError', 'no-camera'],
  ['camera', 'NotReadableError', 'camera-busy'],
  ['screen', 'NotAllowedError', 'nothing-chosen'],
  ['screen', 'NotReadableError', 'screen-refused'],
  ['screen', 'TypeError', 'recorder-failed'],
] as const)('%s: %s means %s', (source, name, fault) => {
  expect(faultOf(source, exception(name))).toBe(fault)
})

test('a camera that does not fit, which is no DOMException everywhere, counts as none', () => {
  expect(faultOf('camera', Object.assign(new Error(), { name: 'OverconstrainedError' }))).toBe('no-camera')
})

test('what is no error at all is a failure of ours', () => {
  expect(faultOf('camera', 'no')).toBe('recorder-failed')
})
