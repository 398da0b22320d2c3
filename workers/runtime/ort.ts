/**
 * The one place that imports onnxruntime-web: picks the build for a backend and points it at files of our own origin.
 * `/wasm` decodes fastest on the CPU; `/jspi` is the smaller WebGPU build where the engine has JSPI, asyncify else.
 */
import type * as Ort from 'onnxruntime-web'
import asyncifyMjs from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url'
import asyncifyWasm from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'
import jspiMjs from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.mjs?url'
import jspiWasm from 'onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url'
import plainMjs from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url'
import plainWasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url'
import type { Backend } from '../protocol'

export type OrtModule = typeof Ort

let loaded: { backend: Backend; module: Promise<OrtModule> } | undefined

/**
 * onnxruntime-web for `backend`. A worker settles on one build at its first call; a later call must name the same.
 * @param threads  for WASM kernels; counts at the first call
 */
export function loadOrt(backend: Backend, threads = wasmThreads()): Promise<OrtModule> {
  if (loaded && loaded.backend !== backend) {
    throw new Error(`this worker already runs the ${loaded.backend} build of onnxruntime-web`)
  }
  loaded ??= { backend, module: importBuild(backend, threads) }
  return loaded.module
}

/** onnxruntime-web for work on the CPU: the build that this worker runs already (each has CPU kernels), else the fastest. */
export const loadOrtForCpu = (): Promise<OrtModule> => loaded?.module ?? loadOrt('wasm')

let mostThreads = 4

/** Sets the most threads that WASM kernels get in this worker. To be called before its first `loadOrt`. */
export function limitThreads(most: number): void {
  mostThreads = most
}

/** Whether this worker may start others: one that never came up with them is told to do without (`limitThreads`). */
export const mayStartWorkers = (): boolean => mostThreads > 1

/** Threads that WASM kernels get: all cores up to the most, one where the page is not cross-origin isolated. */
export function wasmThreads(): number {
  return globalThis.crossOriginIsolated ? Math.max(1, Math.min(mostThreads, navigator.hardwareConcurrency)) : 1
}

async function importBuild(backend: Backend, threads: number): Promise<OrtModule> {
  if (backend === 'wasm') return configure(await import('onnxruntime-web/wasm'), plainMjs, plainWasm, threads)
  if ('Suspending' in WebAssembly) return configure(await import('onnxruntime-web/jspi'), jspiMjs, jspiWasm, threads)
  return configure(await import('onnxruntime-web/webgpu'), asyncifyMjs, asyncifyWasm, threads)
}

function configure(module: OrtModule, mjs: string, wasm: string, threads: number): OrtModule {
  const absolute = (path: string) => new URL(path, self.location.href).href
  module.env.wasm.wasmPaths = { mjs: absolute(mjs), wasm: absolute(wasm) }
  module.env.wasm.numThreads = threads
  module.env.logLevel = 'error'
  return module
}
