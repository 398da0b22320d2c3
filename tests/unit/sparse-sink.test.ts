import { describe, expect, test } from 'vitest'
import { isDisposable } from '../../workers/vision/sparse-sink'

/** First bytes of NAL units: nal_ref_idc << 5 | nal_unit_type. */
const sps = 0x67
const sei = 0x06
const idr = 0x65
const referred = 0x41
const middling = 0x21
const disposable = 0x01

/** NAL units of five bytes each, one after another. */
function packet(headers: readonly number[], framing: number | null): Uint8Array {
  const parts = headers.map((header) => {
    const start = framing === null ? [0, 0, 1] : [...Array<number>(framing - 1).fill(0), 5]
    return [...start, header, 0x88, 0x84, 0x21, 0xa0]
  })
  return Uint8Array.from(parts.flat())
}

describe.each([4, 2, 1, null])('NAL units with a length of %s bytes (null: start codes)', (framing) => {
  const verdict = (...headers: number[]) => isDisposable(packet(headers, framing), framing)

  test('a picture none of whose slices is referred to', () => {
    expect(verdict(disposable)).toBe(true)
    expect(verdict(sei, disposable, disposable)).toBe(true)
  })

  test('whatever else is kept', () => {
    expect(verdict(idr)).toBe(false)
    expect(verdict(referred)).toBe(false)
    expect(verdict(middling)).toBe(false)
    expect(verdict(sps, idr)).toBe(false)
    // The second field of a picture may be referred to where the first is not.
    expect(verdict(disposable, referred)).toBe(false)
    expect(verdict(sps, sei)).toBe(false)
    expect(verdict()).toBe(false)
  })
})

test('a packet that is cut short is kept, or judged by what is there', () => {
  expect(isDisposable(Uint8Array.of(0, 0, 0), 4)).toBe(false)
  expect(isDisposable(Uint8Array.of(0, 0, 9, 9), 4)).toBe(false)
  expect(isDisposable(packet([disposable], 4).slice(0, 6), 4)).toBe(true)
})
