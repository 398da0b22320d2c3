import { expect, test } from 'vitest'
import { quantile, spreadOf, timesBetter } from '../bench/statistics'

test('the median of an even number of values lies between the two in the middle, whatever their order', () => {
  expect(quantile([9, 1, 4, 2], 0.5)).toBe(3)
  expect(quantile([7], 0.5)).toBe(7)
})

test('quartiles are interpolated as R does by default', () => {
  // quantile(c(10, 20, 30, 45, 70, 100)): 22.5, 37.5, 63.75
  expect(spreadOf([100, 10, 70, 20, 45, 30])).toEqual({ median: 37.5, quartiles: [22.5, 63.75], repeats: 6 })
})

test('no figure comes of no values, or of one that is none', () => {
  expect(() => quantile([], 0.5)).toThrow(RangeError)
  expect(() => quantile([1, Number.NaN], 0.5)).toThrow(RangeError)
})

test('how many times better: above 1 where ours wins, whichever way better lies', () => {
  expect(timesBetter(200, 600, 'lower')).toBe(3)
  expect(timesBetter(40, 20, 'higher')).toBe(2)
  expect(timesBetter(20, 40, 'higher')).toBe(0.5)
  expect(timesBetter(0, 0, 'lower')).toBe(1)
  expect(timesBetter(0, 8, 'lower')).toBe(Number.POSITIVE_INFINITY)
})
