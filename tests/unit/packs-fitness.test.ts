import { describe, expect, test } from 'vitest'
import { assessPack, type DeviceRecord } from '../../workers/packs/fitness'

const laptop: DeviceRecord = {
  webgpu: null,
  storageBufferBytes: null,
  decodesVideo: true,
  memoryGiB: 8,
  freeBytes: 50e9,
}
const nano = { graphs: { int8: 135e6, q8f32: 151e6, q8f16: 143e6, f32: 538e6 }, towerBytes: 15e6, missingBytes: 130e6 }

describe('what a device can run', () => {
  test.each<[string, Partial<DeviceRecord>, Partial<typeof nano> | object, object]>([
    ['a laptop without WebGPU', {}, {}, { runs: true, backend: 'wasm', problems: [] }],
    ['a graphics card', { webgpu: { software: false, shaderF16: true } }, {}, { runs: true, backend: 'webgpu' }],
    ['a software adapter', { webgpu: { software: true, shaderF16: false } }, {}, { runs: true, backend: 'wasm' }],
    ['a phone of 2 GiB', { memoryGiB: 2 }, {}, { runs: true, problems: [] }],
    ['a phone of 1 GiB', { memoryGiB: 1 }, {}, { runs: false, problems: ['memory'] }],
    ['no word about memory', { memoryGiB: null }, { graphs: { int8: 9e9 } }, { runs: true, problems: [] }],
    ['a pack of 7 billion weights', {}, { graphs: { int8: 7e9 } }, { runs: false, problems: ['memory'] }],
    ['no WebCodecs', { decodesVideo: false }, {}, { runs: false, backend: 'wasm', problems: ['decoder'] }],
    ['a private window of 100 MB', { freeBytes: 100e6 }, {}, { runs: true, problems: ['storage'] }],
    ['a graph for WebGPU alone', {}, { graphs: { q8f16: 143e6 } }, { runs: false, backend: null, problems: ['graph'] }],
  ])('%s', (_, device, needs, expected) => {
    expect(assessPack({ ...laptop, ...device }, { ...nano, ...needs })).toMatchObject(expected)
  })
})
