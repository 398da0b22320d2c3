/** What there is instead of a GPU device where the browser has none to give. */
import { afterEach, expect, test, vi } from 'vitest'
import { openDevice } from '../../workers/runtime/device'
import { Ledger } from '../../workers/runtime/ledger'

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

test.each<[string, object | undefined]>([
  ['no WebGPU', undefined],
  ['no adapter', { requestAdapter: async () => null }],
  ['an adapter that cannot be had', { requestAdapter: () => Promise.reject(new DOMException('no', 'OperationError')) }],
  [
    'an adapter whose driver gives no device',
    {
      requestAdapter: async () => ({
        features: new Set(),
        limits: {},
        requestDevice: () => Promise.reject(new DOMException('no', 'OperationError')),
      }),
    },
  ],
])('%s is no device', async (_, gpu) => {
  vi.spyOn(console, 'warn').mockImplementation(() => {})
  vi.stubGlobal('navigator', { gpu })
  const ledger = new Ledger()
  expect(await openDevice(ledger)).toBeNull()
  expect(ledger.snapshot()).toEqual({})
})
