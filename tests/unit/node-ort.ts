/** onnxruntime-web's WebAssembly build in Node, one thread: the same kernels as in a browser without a graphics card. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { OrtModule } from '../../workers/runtime/ort'

let loaded: Promise<OrtModule> | undefined

export function nodeOrt(): Promise<OrtModule> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<OrtModule> {
  const ort = (await import('onnxruntime-web/wasm')) as unknown as OrtModule
  const folder = dirname(createRequire(import.meta.url).resolve('onnxruntime-web/wasm'))
  const file = (name: string) => pathToFileURL(join(folder, name)).href
  ort.env.wasm.wasmPaths = { mjs: file('ort-wasm-simd-threaded.mjs'), wasm: file('ort-wasm-simd-threaded.wasm') }
  ort.env.wasm.numThreads = 1
  return ort
}
