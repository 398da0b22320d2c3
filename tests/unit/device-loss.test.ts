import { expect, test, vi } from 'vitest'
import { deferred } from '../../src/assistant/deferred'
import { DeviceLoss } from '../../workers/runtime/device-loss'

function device() {
  let lose: (info: GPUDeviceLostInfo) => void = () => undefined
  const lost = new Promise<GPUDeviceLostInfo>((resolve) => {
    lose = resolve
  })
  return {
    gpu: { device: { lost } as GPUDevice },
    lose: () => lose({ reason: 'destroyed', message: 'gone' } as GPUDeviceLostInfo),
  }
}

const never = new Promise<never>(() => undefined)

test('work that ends before the device is lost is what is given, and nothing of it is held', async () => {
  const loss = new DeviceLoss(device().gpu)
  const given = loss.orLost(Promise.resolve(7))
  const failed = loss.orLost(Promise.reject(new Error('of its own')))
  expect(loss.waiting).toBe(2)
  expect(await given).toBe(7)
  await expect(failed).rejects.toThrow('of its own')
  expect(loss.waiting).toBe(0)
  expect(loss.error).toBeUndefined()
})

test('whatever waits on a lost device rejects, and so does what comes later', async () => {
  const { gpu, lose } = device()
  const loss = new DeviceLoss(gpu)
  const waits = loss.orLost(never)
  lose()
  await expect(waits).rejects.toMatchObject({ code: 'device-lost', data: { reason: 'destroyed' } })
  expect(loss.error).toMatchObject({ code: 'device-lost' })
  expect(loss.waiting).toBe(0)
  await expect(loss.orLost(Promise.resolve(1))).rejects.toMatchObject({ code: 'device-lost' })
  await expect(loss.orLost(Promise.reject(new Error('unheard')))).rejects.toMatchObject({ code: 'device-lost' })
})

test('on the CPU nothing is ever lost', async () => {
  const loss = new DeviceLoss(null)
  expect(await loss.orLost(Promise.resolve('there'))).toBe('there')
  expect(loss.error).toBeUndefined()
})

test('what opens only after the device is lost is closed, and what fails is heard', async () => {
  const { gpu, lose } = device()
  const loss = new DeviceLoss(gpu)
  const late = deferred<string>()
  const closed: string[] = []
  const opening = loss.openOrLost(late.promise, (opened) => closed.push(opened))
  const failing = deferred<string>()
  const fails = loss.openOrLost(failing.promise, (opened) => closed.push(opened))
  lose()
  await expect(opening).rejects.toMatchObject({ code: 'device-lost' })
  await expect(fails).rejects.toMatchObject({ code: 'device-lost' })
  late.resolve('late')
  failing.reject(new Error('of its own'))
  await vi.waitFor(() => expect(closed).toEqual(['late']))
})
