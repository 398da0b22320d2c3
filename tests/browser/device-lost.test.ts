/** What waits on a device that is lost hears of the loss, and not that somebody gave up. */
import { expect, test } from 'vitest'
import { mapForReading, openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'
import { codeOf } from './vision-support'

test('a buffer that is about to be read when the device goes', async () => {
  const ledger = new Ledger()
  const gpu = await openDevice(ledger)
  if (!gpu) throw new Error('the browser under test has no WebGPU')
  const { device } = gpu
  const bytes = 1 << 20
  const readback = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  const encoder = device.createCommandEncoder()
  encoder.clearBuffer(readback)
  device.queue.submit([encoder.finish()])
  const code = codeOf(mapForReading(readback))
  gpu.dispose()
  expect(await code).toBe('device-lost')
  expect(await codeOf(mapForReading(readback))).toBe('device-lost')
  expect(ledger.snapshot()).toEqual(new Ledger().snapshot())
})
