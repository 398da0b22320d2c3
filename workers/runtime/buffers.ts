import { ValleyError } from '../errors'
import type { Ledger, LedgerKind } from './ledger'

/** GPU buffers of one owner: counted in the ledger, destroyed together. */
export class GpuBuffers {
  readonly #open: { buffer: GPUBuffer; uncount: () => void }[] = []

  constructor(
    readonly device: GPUDevice,
    readonly ledger: Ledger,
    readonly kind: LedgerKind,
  ) {}

  /** A storage buffer of `bytes`, readable and writable by copies. */
  storage(label: string, bytes: number): GPUBuffer {
    return this.#create(label, bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST)
  }

  /** A storage buffer that holds `data`. */
  upload(label: string, data: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>): GPUBuffer {
    const buffer = this.storage(label, Math.ceil(data.byteLength / 4) * 4)
    this.device.queue.writeBuffer(buffer, 0, data, 0, data.length)
    return buffer
  }

  /** A uniform buffer that holds `data`, or room for `bytes`. */
  uniform(label: string, data: ArrayBuffer): GPUBuffer {
    const buffer = this.#create(label, data.byteLength, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    this.device.queue.writeBuffer(buffer, 0, data)
    return buffer
  }

  /** A buffer to copy results into and map. */
  readback(label: string, bytes: number): GPUBuffer {
    return this.#create(label, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)
  }

  dispose(): void {
    for (const { buffer, uncount } of this.#open.splice(0)) {
      buffer.destroy()
      uncount()
    }
  }

  #create(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const buffer = this.device.createBuffer({ label, size, usage })
    this.#open.push({ buffer, uncount: this.ledger.open(this.kind, size) })
    return buffer
  }
}

/**
 * What `make` builds of the device's memory; disposed of again where there is not enough.
 * @param what  it is, for the error
 * Errors: out-of-memory {what}
 */
export async function withinMemory<T extends { dispose(): void }>(
  device: GPUDevice,
  what: string,
  make: () => T,
): Promise<T> {
  device.pushErrorScope('out-of-memory')
  const made = make()
  try {
    const error = await device.popErrorScope()
    if (error) throw new ValleyError('out-of-memory', { what }, { message: error.message })
    return made
  } catch (thrown) {
    made.dispose()
    throw thrown
  }
}
