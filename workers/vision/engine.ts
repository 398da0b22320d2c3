/** The vision worker's state: one loaded pack on one backend, one clip encoded at a time, recovery from a lost device. */
import { openPack } from '../packs/source'
import {
  type Backend,
  type ClipSource,
  type EncodeEvent,
  type EncodeOptions,
  type LedgerSnapshot,
  type LoadOptions,
  type LoadProgress,
  type TokenMessage,
  toValleyError,
  ValleyError,
  type VisionApi,
  type VisionInfo,
} from '../protocol'
import { type GpuDevice, openDevice } from '../runtime/device'
import { Ledger } from '../runtime/ledger'
import { loadOrt, type OrtModule } from '../runtime/ort'
import { placeVision } from './backend'
import { type ClipContext, encodeClip } from './encode-clip'
import type { EncodedTokens, Encoder, VisionPack } from './encoder'
import { GpuEncoder } from './gpu-encoder'
import { packTensors, requireTensor } from './pack-tensors'
import { Turns } from './turns'
import { WasmEncoder } from './wasm-encoder'

type Report = (progress: LoadProgress) => void
type Loaded = {
  readonly options: LoadOptions
  readonly pack: VisionPack
  readonly encoder: Encoder
  readonly info: VisionInfo
  readonly watch: DeviceWatch
  readonly gpu: GpuDevice | null
}

type DeviceWatch = {
  /** Rejects with device-lost; never resolves. */
  readonly lost: Promise<never>
  isLost: boolean
}

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

  async *encode(
    source: ClipSource,
    options: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const done = await this.#turns.enter(signal)
    try {
      const { encoder, pack, watch } = await this.#ensure(() => undefined)
      const { lost } = watch
      const deliver: ClipContext['deliver'] = ({ kind }, tokens) => this.#send(options.clipId, kind, pack, tokens)
      yield* encodeClip({ encoder, pack, lost, ledger: this.#ledger, deliver }, source, options, signal)
    } catch (thrown) {
      throw toValleyError(thrown)
    } finally {
      done()
    }
  }

  #send(
    clipId: string,
    kind: 'video' | 'image',
    { manifest, tensors }: VisionPack,
    { patchTokens, frameTokens }: EncodedTokens,
  ): void {
    const markers = requireTensor(tensors, 'markers').data.slice()
    const hiddenSize = manifest.projector.outputSize
    const message: TokenMessage = {
      type: 'tokens',
      tokens: { clipId, kind, patchTokens, frameTokens, hiddenSize, markers, quotes: [] },
    }
    this.#port?.postMessage(message, [patchTokens.buffer, frameTokens.buffer, markers.buffer])
  }

  /** The loaded pack; loads it where it is not, or no longer, or another is wanted. */
  async #ensure(report: Report): Promise<Loaded> {
    const options = this.#options
    if (!options) throw new ValleyError('internal', { detail: 'encode before load' })
    const current = this.#loaded
    const fits = current?.options.packUrl === options.packUrl && current.options.backend === options.backend
    if (current && fits && !current.watch.isLost) return current
    this.#loaded = undefined
    await current?.encoder.dispose()
    this.#loaded = await this.#build(options, current, report)
    return this.#loaded
  }

  async #build(options: LoadOptions, previous: Loaded | undefined, report: Report): Promise<Loaded> {
    const started = performance.now()
    const pack =
      previous?.options.packUrl === options.packUrl ? previous.pack : await readVisionPack(options.packUrl, report)
    const { encoder, gpu, watch } = await this.#createEncoder(pack, options.backend, report)
    const { manifest } = pack
    const info: VisionInfo = {
      packId: manifest.id,
      backend: encoder.backend,
      adapter: encoder.adapter,
      loadMs: performance.now() - started,
    }
    return { options, pack, encoder, info, watch, gpu }
  }

  async #createEncoder(
    pack: VisionPack,
    backend: Backend | undefined,
    report: Report,
  ): Promise<{ encoder: Encoder; gpu: GpuDevice | null; watch: DeviceWatch }> {
    report({ stage: 'session', done: 0, total: 1 })
    const gpu = backend === 'wasm' ? null : await openDevice(this.#ledger)
    const place = placeVision(gpu === null ? 'none' : gpu.software ? 'software' : 'hardware', backend)
    if (!place) throw new ValleyError('unsupported-browser', { feature: 'WebGPU' })
    const onCpu = async (ort: OrtModule) => {
      const encoder = await WasmEncoder.create(ort, this.#ledger, pack)
      report({ stage: 'session', done: 1, total: 1 })
      return { encoder, gpu: null, watch: watchDevice(null) }
    }
    if (!gpu || place.kernels === 'wasm') {
      gpu?.dispose()
      return onCpu(await loadOrt('wasm'))
    }
    const ort = await loadOrt('webgpu')
    const watch = watchDevice(gpu)
    let encoder: GpuEncoder | undefined
    try {
      encoder = await GpuEncoder.create(ort, gpu, this.#ledger, pack, place.tower)
      report({ stage: 'session', done: 1, total: 1 })
      report({ stage: 'warm-up', done: 0, total: 1 })
      await Promise.race([encoder.warmUp(), watch.lost])
      report({ stage: 'warm-up', done: 1, total: 1 })
      return { encoder, gpu, watch }
    } catch (thrown) {
      if (encoder) await encoder.dispose()
      else gpu.dispose()
      if (backend === 'webgpu' || thrown instanceof ValleyError) throw thrown
      // The device exists but will not run the tower; the WebGPU build of the runtime has CPU kernels as well.
      console.warn('vision falls back to the CPU', thrown)
      return onCpu(ort)
    }
  }
}

/** Follows a device; a pack on a lost one is loaded anew before the next clip. */
function watchDevice(gpu: GpuDevice | null): DeviceWatch {
  let fail: (error: ValleyError) => void = () => undefined
  const lost = new Promise<never>((_, reject) => {
    fail = reject
  })
  // Nobody may be waiting when it happens.
  lost.catch(() => undefined)
  const watch: DeviceWatch = { lost, isLost: false }
  void gpu?.device.lost.then(({ reason, message }) => {
    watch.isLost = true
    fail(new ValleyError('device-lost', { reason: reason || 'unknown' }, { message }))
  })
  return watch
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
