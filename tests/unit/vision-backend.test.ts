import { expect, test } from 'vitest'
import { placeVision } from '../../workers/vision/backend'

test.each([
  ['hardware', undefined, { kernels: 'webgpu', tower: 'webgpu' }],
  ['hardware', 'wasm', { kernels: 'wasm', tower: 'wasm' }],
  ['software', undefined, { kernels: 'wasm', tower: 'wasm' }],
  ['software', 'webgpu', { kernels: 'webgpu', tower: 'wasm' }],
  ['none', undefined, { kernels: 'wasm', tower: 'wasm' }],
  ['none', 'webgpu', null],
] as const)('%s adapter, %s requested', (adapter, requested, placement) => {
  expect(placeVision(adapter, requested)).toEqual(placement)
})
