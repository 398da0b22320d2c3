/** Names what this machine's browser lacks before any other browser test fails for that reason. */
import { expect, test } from 'vitest'

test('the page is cross-origin isolated, so WASM threads exist', () => {
  expect(crossOriginIsolated).toBe(true)
})

test('WebGPU gives an adapter and a device', async () => {
  const adapter = await navigator.gpu.requestAdapter()
  expect(adapter, 'no WebGPU adapter: Chromium needs the SwiftShader flags of tests/tools/chromium.ts').not.toBeNull()
  const device = await adapter?.requestDevice()
  device?.destroy()
})

test('a VideoFrame can be imported as an external texture', async () => {
  const adapter = await navigator.gpu.requestAdapter()
  const device = await adapter?.requestDevice()
  const frame = new VideoFrame(new Uint8Array(16 * 16 * 4).fill(128), {
    format: 'RGBA',
    codedWidth: 16,
    codedHeight: 16,
    timestamp: 0,
  })
  try {
    expect(
      () => device?.importExternalTexture({ source: frame }),
      'VideoFrame import fails: set VK_DRIVER_FILES to the vk_swiftshader_icd.json beside the Chromium binary',
    ).not.toThrow()
  } finally {
    frame.close()
    device?.destroy()
  }
})

test.each([
  ['H.264', 'avc1.42001f'],
  ['VP8', 'vp8'],
  ['VP9', 'vp09.00.10.08'],
  ['AV1', 'av01.0.04M.08'],
])('%s can be decoded', async (name, codec) => {
  const { supported } = await VideoDecoder.isConfigSupported({ codec, codedWidth: 320, codedHeight: 180 })
  expect(supported, `this Chromium lacks ${name}: use the distribution's build (apt-get install chromium)`).toBe(true)
})
