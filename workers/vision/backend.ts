/** Which part of the vision half runs where. Pure. */
import type { Backend } from '../protocol'

export type AdapterKind = 'none' | 'software' | 'hardware'

export type VisionPlacement = {
  /** Preprocessing, pooling and projector: WGSL kernels, or TypeScript where 'wasm'. */
  readonly kernels: Backend
  readonly tower: Backend
}

/** Milliseconds that a frame takes on each backend of this machine. */
export type FrameMs = Readonly<Record<Backend, number>>

/**
 * A hardware adapter is used until a measurement says that the CPU is faster. A software adapter is not measured:
 * the runtime's WebGPU convolutions take it seconds a frame (SwiftShader on two cores) where WASM takes about a tenth of
 * one, and our kernels take several times what TypeScript takes, so that measuring would cost more than any clip. It is
 * used only where `requested`, and then for the kernels alone. null: the request cannot be met.
 * @param frameMs  what was measured here, as far as it was
 */
export function placeVision(
  adapter: AdapterKind,
  requested: Backend | undefined,
  frameMs: FrameMs | null = null,
): VisionPlacement | null {
  if (requested === 'webgpu' && adapter === 'none') return null
  if (requested === 'wasm' || adapter === 'none') return { kernels: 'wasm', tower: 'wasm' }
  if (adapter === 'software') return { kernels: requested ?? 'wasm', tower: 'wasm' }
  const slower = requested === undefined && frameMs !== null && frameMs.wasm < frameMs.webgpu
  return slower ? { kernels: 'wasm', tower: 'wasm' } : { kernels: 'webgpu', tower: 'webgpu' }
}
