/** The compiled kernels, with fused products where the browser has them. */
import * as convolution from './convolution.as.ts?asc'
import * as pixels from './pixels.as.ts?asc'

type Variants = { readonly plain: Uint8Array<ArrayBuffer>; readonly relaxed: Uint8Array<ArrayBuffer> }

/** Compiled at the first call. */
function once({ plain, relaxed }: Variants): () => Promise<WebAssembly.Module> {
  let compiled: Promise<WebAssembly.Module> | undefined
  return () => {
    compiled ??= WebAssembly.compile(WebAssembly.validate(relaxed) ? relaxed : plain)
    return compiled
  }
}

export const convolutions = once(convolution)
export const pixelKernels = once(pixels)
