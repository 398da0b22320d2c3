import { expect, test } from 'vitest'
import { Ledger } from '../../workers/runtime/ledger'

test('a ledger counts what is live by kind, and its GPU bytes with their peak; what is closed twice counts once', () => {
  const ledger = new Ledger()
  const closeFrame = ledger.open('video-frame')
  const closeSmall = ledger.open('gpu-buffer', 100)
  const closeLarge = ledger.open('gpu-buffer', 1000)
  expect(ledger.snapshot()).toEqual({ 'video-frame': 1, 'gpu-buffer': 2 })
  expect(ledger.gpuMemory()).toEqual({ bytes: 1100, peakBytes: 1100 })
  closeLarge()
  closeLarge()
  ledger.open('gpu-texture', 50)()
  expect(ledger.gpuMemory()).toEqual({ bytes: 100, peakBytes: 1100 })
  closeSmall()
  closeFrame()
  expect(ledger.snapshot()).toEqual({})
  expect(ledger.gpuMemory()).toEqual({ bytes: 0, peakBytes: 1100 })
})
