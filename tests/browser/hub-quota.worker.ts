/** The packs worker in a browser that grants a thousand bytes: no test can fill a real disk. */
import '../../workers/packs/packs.worker'

Object.defineProperty(navigator.storage, 'estimate', { value: async () => ({ quota: 1000, usage: 0 }) })
