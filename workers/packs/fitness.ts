/** Whether a pack runs on a device, told from what the device says of itself, before anything large is fetched. Pure. */
import { freeBytes } from '../cache/room'
import { type GraphFlavour, ValleyError } from '../protocol'
import { type Capabilities, chooseDecoder } from '../runtime/backend'
import { isSoftwareAdapter } from '../runtime/device'
import type { PackFitness, PackProblem } from './api'

export type DeviceRecord = Capabilities & {
  /** The most that a kernel may see of one buffer (maxStorageBufferBindingSize); null without an adapter. */
  readonly storageBufferBytes: number | null
  /** WebCodecs' VideoDecoder. */
  readonly decodesVideo: boolean
  /** As the browser says: rounded, 8 at most; null where it does not. */
  readonly memoryGiB: number | null
  /** What the browser would still store; null where it does not say. */
  readonly freeBytes: number | null
}

export type PackNeeds = {
  /** Bytes of derived weights, by graph of its base. */
  readonly graphs: Readonly<Partial<Record<GraphFlavour, number>>>
  readonly towerBytes: number
  /** Bytes still to be fetched. */
  readonly missingBytes: number
}

/** Beside the weights: runtimes, the page, frames in flight, the KV cache. */
const overhead = 250e6
/** The weights are held once by us and once by the runtime while a session starts; the tower's grow to float32. */
const copies = 2
/** Of all memory, what a page may count on. */
const memoryShare = 0.5

export function assessPack(device: DeviceRecord, { graphs, towerBytes, missingBytes }: PackNeeds): PackFitness {
  const problems: PackProblem[] = []
  if (!device.decodesVideo) problems.push('decoder')
  const choice = choose(device, Object.keys(graphs) as GraphFlavour[])
  if (!choice) return { runs: false, backend: null, problems: [...problems, 'graph'] }
  const derived = graphs[choice.flavour] ?? 0
  const memory = copies * derived + copies * towerBytes + overhead
  if (device.memoryGiB !== null && memory > device.memoryGiB * 2 ** 30 * memoryShare) problems.push('memory')
  const runs = problems.length === 0
  if (device.freeBytes !== null && missingBytes + derived > device.freeBytes) problems.push('storage')
  return { runs, backend: choice.backend, problems }
}

/** The decoder that would be taken, or null where none of the graphs runs here. */
export function choose(device: Capabilities, flavours: readonly GraphFlavour[]) {
  try {
    return chooseDecoder(device, flavours)
  } catch (thrown) {
    if (thrown instanceof ValleyError) return null
    throw thrown
  }
}

/** This device, asked without taking a GPU device. `freeBytes` as of now. */
export async function describeDevice(): Promise<DeviceRecord> {
  const { gpu, deviceMemory } = navigator as Navigator & { gpu?: GPU; deviceMemory?: number }
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null)
  return {
    webgpu: adapter
      ? { software: isSoftwareAdapter(adapter.info), shaderF16: adapter.features.has('shader-f16') }
      : null,
    storageBufferBytes: adapter?.limits.maxStorageBufferBindingSize ?? null,
    decodesVideo: 'VideoDecoder' in globalThis,
    memoryGiB: deviceMemory ?? null,
    freeBytes: await freeBytes(),
  }
}
