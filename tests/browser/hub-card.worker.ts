/** The packs worker in a browser with a graphics card of 16-bit shaders, as far as it says of itself: no machine of the tests has one. */
import '../../workers/packs/packs.worker'

const adapter = {
  info: { vendor: 'stand-in', architecture: '', device: '', description: '', isFallbackAdapter: false },
  features: new Set(['shader-f16']),
  limits: { maxStorageBufferBindingSize: 2 ** 31 - 4 },
}
Object.defineProperty(navigator, 'gpu', { value: { requestAdapter: async () => adapter } })
