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

test.each([
  ['a GPU that is faster', undefined, { webgpu: 5, wasm: 60 }, 'webgpu'],
  ['a GPU that is slower', undefined, { webgpu: 90, wasm: 60 }, 'wasm'],
  ['a slower GPU that is asked for', 'webgpu', { webgpu: 90, wasm: 60 }, 'webgpu'],
  ['a faster GPU, the CPU asked for', 'wasm', { webgpu: 5, wasm: 60 }, 'wasm'],
] as const)('%s, as measured', (_, requested, frameMs, backend) => {
  expect(placeVision('hardware', requested, frameMs)).toEqual({ kernels: backend, tower: backend })
})
