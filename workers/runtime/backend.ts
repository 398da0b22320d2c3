/** Which backend and graph a component runs on, decided before anything is downloaded. Pure. */
import type { GraphFlavour } from '../packs/schema'
import { type Backend, ValleyError } from '../protocol'

/** What the machine offers, as far as the choice depends on it. */
export type Capabilities = {
  /** null: no WebGPU or no adapter. `software`: a CPU pretending to be a GPU. */
  readonly webgpu: { readonly software: boolean; readonly shaderF16: boolean } | null
}

export type DecoderChoice = { readonly backend: Backend; readonly flavour: GraphFlavour }

/** Graphs by backend, best first; a base has four bits only where eight would be too much. On WASM only MatMulInteger (int8) has a fast kernel; the rest run, slowly. */
const preference: Readonly<Record<Backend, readonly GraphFlavour[]>> = {
  wasm: ['int8', 'f32', 'q8f32'],
  webgpu: ['q4f16', 'q8f16', 'q8f32', 'f32'],
}

/**
 * A decoder is bound by memory traffic: a real GPU wins, a software adapter is hundreds of times slower than WASM and is
 * taken only when forced.
 * @param available  graphs that the base has
 * Errors: unsupported-browser {feature} (WebGPU forced where there is none), pack-invalid (no graph that runs here)
 */
export function chooseDecoder(
  capabilities: Capabilities,
  available: readonly GraphFlavour[],
  forced?: Backend,
): DecoderChoice {
  const { webgpu } = capabilities
  if (forced === 'webgpu' && !webgpu) throw new ValleyError('unsupported-browser', { feature: 'webgpu' })
  const backend = forced ?? (webgpu && !webgpu.software ? 'webgpu' : 'wasm')
  const runnable = preference[backend].filter((flavour) => !flavour.endsWith('f16') || webgpu?.shaderF16)
  const flavour = runnable.find((candidate) => available.includes(candidate))
  if (flavour) return { backend, flavour }
  const problems = [`no decoder graph for ${backend}: has ${available.join(', ') || 'none'}`]
  throw new ValleyError('pack-invalid', { path: 'base.json', problems })
}
