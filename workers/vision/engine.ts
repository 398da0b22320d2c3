/** The vision worker's state: one loaded pack on one backend, one clip encoded at a time, recovery from a lost device. */
import { openPack } from '../packs/source'
import {
  type Backend,
  type EncodeEvent,
  type EncodeOptions,
  type FrameRoute,
  type LedgerSnapshot,
  type LoadOptions,
  type LoadProgress,
  type TokenMessage,
  throwIfAborted,
  toValleyError,
  ValleyError,
  type VisionApi,
  type VisionInfo,
} from '../protocol'
import { type GpuDevice, openDevice } from '../runtime/device'
import { Ledger } from '../runtime/ledger'
import { loadOrt } from '../runtime/ort'
import type { Encoder, VisionPack } from './encoder'
import { GpuEncoder } from './gpu-encoder'
import { openMedia } from './media'
import { packTensors, requireTensor } from './pack-tensors'
import { planTimestamps } from './plan'
import { thumbnail } from './thumbnail'
import { towerBackend } from './tower'
import { Turns } from './turns'
import { WasmEncoder } from './wasm-encoder'

type Report = (progress: LoadProgress) => void
type Loaded = {
  readonly options: LoadOptions
  readonly pack: VisionPack
  readonly encoder: Encoder
  readonly info: VisionInfo
  /** Rejects with device-lost; never resolves. */
  readonly lost: Promise<never>
  readonly gpu: GpuDevice | null
}

const neverLost = new Promise<never>(() => undefined)

export class VisionEngine implements VisionApi {
  readonly #ledger = new Ledger()
  readonly #turns = new Turns()
  #options: LoadOptions | undefined
  #loaded: Loaded | undefined
  #port: MessagePort | undefined

  async load(options: LoadOptions, onProgress: Report): Promise<VisionInfo> {
    return this.#turns.take(undefined, async () => {
      this.#options = options
      const { info } = await this.#ensure(onProgress)
      return info
    })
  }

  connect(port: MessagePort): void {
    this.#port?.close()
    this.#port = port
  }

  ledger(): LedgerSnapshot {
    return this.#ledger.snapshot()
  }

  loseDevice(): void {
    this.#loaded?.gpu?.device.destroy()
  }

  async *encode(file: Blob, options: EncodeOptions, signal: AbortSignal): AsyncGenerator<EncodeEvent, void, undefined> {
    const done = await this.#turns.enter(signal)
    try {
      yield* this.#encode(file, options, signal)
    } catch (thrown) {
      throw toValleyError(thrown)
    } finally {
      done()
    }
  }

  async *#encode(
    file: Blob,
    options: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const started = performance.now()
    const loaded = await this.#ensure(() => undefined)
    const { encoder, pack } = loaded
    const { manifest } = pack
    // Whatever waits on the GPU stops waiting when the device goes.
    const orLost = <T>(work: Promise<T>) => Promise.race([work, loaded.lost])
    const media = await openMedia(file, options.name, this.#ledger, signal)
    try {
      const opened = performance.now()
      yield { type: 'opened', media: media.info }
      const { sampling } = manifest
      const budget = options.frames ?? sampling.defaultFrames
      const planned = planTimestamps(media.info.duration, sampling, budget).map((time) => media.start + time)
      yield { type: 'planned', timestamps: planned }

      const job = await orLost(encoder.begin(planned.length))
      const timestamps: number[] = []
      let route: FrameRoute | undefined
      let decodeMs = 0
      let encodeMs = 0
      try {
        let batch: { timestamp: number; thumbnail: Promise<Blob> }[] = []
        const frames = media.frames(planned, signal)
        try {
          for (let finished = false; !finished; ) {
            const decodeStart = performance.now()
            const next = await frames.next()
            const encodeStart = performance.now()
            decodeMs += encodeStart - decodeStart
            finished = next.done ?? false
            if (!next.done) {
              try {
                throwIfAborted(signal)
                route = await orLost(job.add(next.value, options.route))
                batch.push({ timestamp: next.value.timestamp, thumbnail: thumbnail(next.value) })
              } finally {
                next.value.close()
              }
            }
            if (batch.length === encoder.batch || finished) {
              const vectors = await orLost(job.run())
              throwIfAborted(signal)
              encodeMs += performance.now() - encodeStart
              for (const [at, frame] of batch.entries()) {
                const vector = vectors[at]
                if (!vector) throw new Error('the tower gave no vector for a frame')
                timestamps.push(frame.timestamp)
                const index = timestamps.length - 1
                yield { type: 'frame', index, timestamp: frame.timestamp, thumbnail: await frame.thumbnail, vector }
              }
              batch = []
            } else encodeMs += performance.now() - encodeStart
          }
        } finally {
          await frames.return()
        }
        const headStart = performance.now()
        const tokens = await orLost(job.finish())
        throwIfAborted(signal)
        this.#send(options.clipId, media.info.kind, pack, tokens)
        const total = performance.now() - started
        encodeMs += performance.now() - headStart
        yield {
          type: 'encoded',
          clip: {
            clipId: options.clipId,
            media: media.info,
            timestamps,
            patchTokens: manifest.tower.gridTokens,
            frameTokens: timestamps.length,
            backend: encoder.backend,
            route: route ?? 'canvas',
            timings: { open: opened - started, decode: decodeMs, encode: encodeMs, total },
          },
        }
      } finally {
        job.dispose()
      }
    } finally {
      media.dispose()
    }
  }

  #send(
    clipId: string,
    kind: 'video' | 'image',
    { manifest, tensors }: VisionPack,
    { patchTokens, frameTokens }: { patchTokens: Float32Array<ArrayBuffer>; frameTokens: Float32Array<ArrayBuffer> },
  ): void {
    const markers = requireTensor(tensors, 'markers').data.slice()
    const hiddenSize = manifest.projector.outputSize
    const message: TokenMessage = {
      type: 'tokens',
      tokens: { clipId, kind, patchTokens, frameTokens, hiddenSize, markers },
    }
    this.#port?.postMessage(message, [patchTokens.buffer, frameTokens.buffer, markers.buffer])
  }

  /** The loaded pack; loads it where it is not, or no longer, or another is wanted. */
  async #ensure(report: Report): Promise<Loaded> {
    const options = this.#options
    if (!options) throw new ValleyError('internal', { detail: 'encode before load' })
    const current = this.#loaded
    if (current?.options.packUrl === options.packUrl && current.options.backend === options.backend) return current
    this.#loaded = undefined
    await current?.encoder.dispose()
    this.#loaded = await this.#build(options, current, report)
    return this.#loaded
  }

  async #build(options: LoadOptions, previous: Loaded | undefined, report: Report): Promise<Loaded> {
    const started = performance.now()
    const pack =
      previous?.options.packUrl === options.packUrl ? previous.pack : await readVisionPack(options.packUrl, report)
    report({ stage: 'session', done: 0, total: 1 })
    const { encoder, gpu } = await this.#createEncoder(pack, options.backend)
    report({ stage: 'session', done: 1, total: 1 })
    const lost = gpu ? this.#watch(gpu) : neverLost
    const { manifest } = pack
    const info: VisionInfo = {
      packId: manifest.id,
      backend: encoder.backend,
      adapter: encoder.adapter,
      loadMs: performance.now() - started,
    }
    return { options, pack, encoder, info, lost, gpu }
  }

  async #createEncoder(
    pack: VisionPack,
    backend: Backend | undefined,
  ): Promise<{ encoder: Encoder; gpu: GpuDevice | null }> {
    const gpu = backend === 'wasm' ? null : await openDevice(this.#ledger)
    if (!gpu && backend === 'webgpu') throw new ValleyError('unsupported-browser', { feature: 'WebGPU' })
    if (!gpu) return { encoder: await WasmEncoder.create(await loadOrt('wasm'), this.#ledger, pack), gpu }
    const ort = await loadOrt('webgpu')
    try {
      return { encoder: await GpuEncoder.create(ort, gpu, this.#ledger, pack, towerBackend(gpu)), gpu }
    } catch (thrown) {
      gpu.dispose()
      if (backend === 'webgpu' || thrown instanceof ValleyError) throw thrown
      // The device exists but will not run the tower; the WebGPU build of the runtime has CPU kernels as well.
      console.warn('vision falls back to the CPU', thrown)
      return { encoder: await WasmEncoder.create(ort, this.#ledger, pack), gpu: null }
    }
  }

  /** A promise that rejects when the device is lost; the pack is then loaded anew before the next clip. */
  #watch(gpu: GpuDevice): Promise<never> {
    const lost = gpu.device.lost.then(async ({ reason, message }): Promise<never> => {
      const loaded = this.#loaded
      if (loaded?.gpu === gpu) {
        this.#loaded = undefined
        await loaded.encoder.dispose()
      }
      throw new ValleyError('device-lost', { reason: reason || 'unknown' }, { message })
    })
    lost.catch(() => undefined)
    return lost
  }
}

async function readVisionPack(packUrl: string, report: Report): Promise<VisionPack> {
  report({ stage: 'manifest', done: 0, total: 1 })
  const { manifest, file } = await openPack(packUrl)
  report({ stage: 'manifest', done: 1, total: 1 })
  const total = manifest.tower.file.bytes + manifest.projector.file.bytes
  const download = (before: number) => (done: number) => report({ stage: 'download', done: before + done, total })
  const tower = await file(manifest.tower.file, { onProgress: download(0) })
  const projector = await file(manifest.projector.file, { onProgress: download(tower.byteLength) })
  return { manifest, tower, tensors: packTensors(manifest.projector, projector) }
}
