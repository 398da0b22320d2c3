import type { GpuMemory, LedgerSnapshot } from '../protocol'

export type LedgerKind =
  | 'video-frame'
  | 'image-bitmap'
  /** Lives as long as one job. */
  | 'gpu-buffer'
  /** Lives as long as a loaded model: weights and fixed inputs. */
  | 'resident-buffer'
  | 'gpu-texture'
  | 'gpu-device'
  | 'tensor'
  | 'session'
  | 'input'
  | 'kv-cache'
  | 'caption-store'

/** Counts live resources of one worker. Every owner opens an entry when it takes a resource and closes it once. */
export class Ledger {
  readonly #live = new Map<LedgerKind, number>()
  #gpuBytes = 0
  #peakGpuBytes = 0

  /**
   * Counts one resource of `kind`; the returned function uncounts it, and does so only once.
   * @param gpuBytes  what it takes of the GPU's memory
   */
  open(kind: LedgerKind, gpuBytes = 0): () => void {
    this.#live.set(kind, (this.#live.get(kind) ?? 0) + 1)
    this.#gpuBytes += gpuBytes
    this.#peakGpuBytes = Math.max(this.#peakGpuBytes, this.#gpuBytes)
    let closed = false
    return () => {
      if (closed) return
      closed = true
      this.#live.set(kind, (this.#live.get(kind) ?? 0) - 1)
      this.#gpuBytes -= gpuBytes
    }
  }

  /** Live resources by kind; kinds at zero are left out. */
  snapshot(): LedgerSnapshot {
    return Object.fromEntries([...this.#live].filter(([, count]) => count !== 0))
  }

  /** GPU memory of what is live, and the most that it was. */
  gpuMemory(): GpuMemory {
    return { bytes: this.#gpuBytes, peakBytes: this.#peakGpuBytes }
  }
}
