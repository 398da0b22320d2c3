/** Which part of the vision half runs where. Pure, decided before anything is downloaded. */
import type { Backend } from '../protocol'

export type AdapterKind = 'none' | 'software' | 'hardware'

export type VisionPlacement = {
  /** Preprocessing, pooling and projector: WGSL kernels, or TypeScript where 'wasm'. */
  readonly kernels: Backend
  readonly tower: Backend
}

/**
 * Measured with SwiftShader on two cores: the runtime's WebGPU convolutions take seconds a frame where WASM takes about a
 * tenth of one, and our kernels several times what TypeScript takes. So a software adapter is used only where `requested`,
 * and then for the kernels alone. null: the request cannot be met.
 */
export function placeVision(adapter: AdapterKind, requested: Backend | undefined): VisionPlacement | null {
  if (requested === 'webgpu' && adapter === 'none') return null
  if (requested === 'wasm' || adapter === 'none') return { kernels: 'wasm', tower: 'wasm' }
  if (adapter === 'hardware') return { kernels: 'webgpu', tower: 'webgpu' }
  return { kernels: requested ?? 'wasm', tower: 'wasm' }
}
