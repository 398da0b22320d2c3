import { ValleyError } from '../errors'
import type { Ledger } from './ledger'

/** A GPUDevice with its owner's knowledge of it. `dispose` destroys the device. */
export type GpuDevice = {
  readonly device: GPUDevice
  /** Vendor and architecture, as far as the browser tells. */
  readonly adapterName: string
  /** A CPU pretending to be a GPU (SwiftShader, WARP, llvmpipe). */
  readonly software: boolean
  readonly shaderF16: boolean
  readonly dispose: () => void
}

const nameOf = ({ vendor, architecture, description }: GPUAdapterInfo) =>
  [vendor, architecture, description].filter(Boolean).join(' ')

/** A CPU pretending to be a GPU. */
export const isSoftwareAdapter = (info: GPUAdapterInfo): boolean =>
  info.isFallbackAdapter || /swiftshader|llvmpipe|warp|basic render/i.test(nameOf(info))

/**
 * Asks for a device with the features and limits that our kernels and ORT's use.
 * @returns null where the browser has no WebGPU, no adapter, or a driver that gives no device
 */
export async function openDevice(ledger: Ledger): Promise<GpuDevice | null> {
  const gpu = (navigator as Navigator & { gpu?: GPU }).gpu
  const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null)
  if (!adapter) return null
  const device = await requestDevice(adapter)
  if (!device) return null
  const close = ledger.open('gpu-device')
  void device.lost.then(close)
  const adapterName = nameOf(adapter.info) || 'unnamed adapter'
  return {
    device,
    adapterName,
    software: isSoftwareAdapter(adapter.info),
    shaderF16: device.features.has('shader-f16'),
    dispose: () => {
      close()
      device.destroy()
    },
  }
}

async function requestDevice(adapter: GPUAdapter): Promise<GPUDevice | null> {
  const wanted: GPUFeatureName[] = ['shader-f16', 'subgroups']
  const asked = adapter.requestDevice({
    requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
    requiredLimits: {
      maxBufferSize: adapter.limits.maxBufferSize,
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: adapter.limits.maxStorageBuffersPerShaderStage,
      maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: adapter.limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: adapter.limits.maxComputeWorkgroupSizeX,
    },
  })
  return asked.catch((thrown: unknown) => {
    console.warn('the graphics card gives no device', thrown)
    return null
  })
}

/**
 * Maps a buffer for reading, the first `bytes` of it or all. A lost device ends a pending request with AbortError, maybe
 * before it says that it is lost; nobody gave the work up then, so it must not read as `aborted`.
 * @throws ValleyError device-lost
 */
export async function mapForReading(buffer: GPUBuffer, bytes = buffer.size): Promise<void> {
  try {
    await buffer.mapAsync(GPUMapMode.READ, 0, bytes)
  } catch (thrown) {
    throw new ValleyError('device-lost', { reason: 'unknown' }, { cause: thrown })
  }
}
