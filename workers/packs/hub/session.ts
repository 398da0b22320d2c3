/** Starts a repository's graph in ONNX Runtime, and says what it could not do. */
import type { InferenceSession } from 'onnxruntime-web'
import { toValleyError, ValleyError } from '../../protocol'
import type { OrtModule } from '../../runtime/ort'
import type { HubGraph } from './graphs'

/**
 * @param onGpu  outputs that stay on the provider's GPU
 * Errors: hub-operator {operator} (the runtime has none of that name, or not for these types), out-of-memory,
 * internal {stage: 'session', detail}
 */
export async function openSession(
  ort: OrtModule,
  { bytes, beside }: HubGraph,
  provider: InferenceSession.ExecutionProviderConfig,
  onGpu: readonly string[] = [],
): Promise<InferenceSession> {
  const preferredOutputLocation = Object.fromEntries(onGpu.map((name) => [name, 'gpu-buffer' as const]))
  const options = { executionProviders: [provider], externalData: [...beside], preferredOutputLocation }
  return ort.InferenceSession.create(bytes, options).catch((thrown: unknown) => {
    const operator = unknownOperator(String(thrown))
    if (operator) throw new ValleyError('hub-operator', { operator }, { cause: thrown })
    throw toValleyError(thrown, thrown instanceof RangeError ? 'out-of-memory' : 'internal', { stage: 'session' })
  })
}

/**
 * The operator that ONNX Runtime misses, which it tells in words alone: graph.cc (an operator of ONNX's own), model.cc (one
 * of another domain), session_state (no kernel for these types).
 */
function unknownOperator(message: string): string | undefined {
  const words = [
    /No Op registered for (\S+)/,
    /error: (\S+)\(-?\d+\) is not a registered function\/op/,
    /Could not find an implementation for (\S+?)\(/,
  ]
  return words.map((pattern) => message.match(pattern)?.[1]).find((name) => name !== undefined)
}
