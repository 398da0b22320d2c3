/** The vision worker's state: one loaded pack on one backend, one clip encoded at a time, recovery from a lost device. */
import { contentHash } from '../cache/content-hash'
import {
  type Backend,
  type ClipSource,
  type EncodeEvent,
  type EncodeOptions,
  type GpuMemory,
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
import { loadOrt, type OrtModule } from '../runtime/ort'
import { placeVision } from './backend'
import { type ClipContext, encodeClip } from './encode-clip'
import type { EncodedTokens, Encoder, VisionPack } from './encoder'
import { GpuEncoder } from './gpu-encoder'
import { ClipRecording, KeptClips, replay } from './kept-clips'
import { LoadedPack } from './loaded-pack'
import { withTimes } from './times'
import { Turns } from './turns'
import { WasmEncoder } from './wasm-encoder'

/** How long something that threw waits for the news that its device was lost. */
const lossNoticeMs = 100

type Report = (progress: LoadProgress) => void
type Loaded = {
  readonly options: LoadOptions
  readonly pack: LoadedPack
  readonly ort: OrtModule
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
  readonly #kept = new KeptClips()
  #options: LoadOptions | undefined
  /** Outlives a lost device, which takes the encoder with it. */
  #pack: LoadedPack | undefined
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

  gpuMemory(): GpuMemory {
    return this.#ledger.gpuMemory()
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
    let loaded: Loaded | undefined
    try {
      const started = performance.now()
      loaded = await this.#ensure(() => undefined)
      const { encoder, pack } = loaded
      const content = await contentHash(source)
      const frames = options.frames ?? pack.manifest.sampling.defaultFrames
      const { route, moments } = options
      const key = { packHash: pack.hash, contentHash: content, frames, moments, backend: encoder.backend, route }
      const keeps = this.#options?.keepClips === true
      const kept = keeps ? await this.#kept.find(key) : null
      throwIfAborted(signal)
      if (kept) {
        this.#send(options.clipId, kept.clip.media.kind, pack, kept.tokens, kept.quotes)
        yield* replay(kept, options, pack.identity, started)
        return
      }
      const recording = new ClipRecording()
      for await (const event of this.#encodeAnew(loaded, content, recording, source, options, signal)) {
        const clip = recording.add(event)
        if (clip && keeps) this.#kept.keep(key, clip)
        yield event
        // Between two frames the encoder is at rest: words that are looked for need not wait for the whole clip.
        if (event.type === 'frame' && !loaded.watch.isLost) await this.#turns.pause()
      }
    } catch (thrown) {
      throw await whyItEnded(thrown, loaded?.watch)
    } finally {
      done()
    }
  }

  #encodeAnew(
    { encoder, pack, watch }: Loaded,
    contentHash: string,
    recording: ClipRecording,
    source: ClipSource,
    options: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const deliver: ClipContext['deliver'] = ({ kind }, tokens, vectors) => {
      const quotes = pack.captions?.quotesFor(vectors) ?? []
      recording.finish(tokens, quotes)
      this.#send(options.clipId, kind, pack, tokens, quotes)
    }
    const { identity } = pack
    const context = { encoder, pack, identity, lost: watch.lost, ledger: this.#ledger, contentHash, deliver }
    return encodeClip(context, source, options, signal)
  }

  async embedTexts(texts: readonly string[], signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    return this.#turns.short(signal, async () => {
      const { pack, ort } = await this.#ensure(() => undefined)
      return (await pack.textTower(ort, signal)).embed(texts, signal)
    })
  }

  #send(
    clipId: string,
    kind: 'video' | 'image',
    { manifest, tensors }: VisionPack,
    { patchTokens, frameTokens: untimed }: EncodedTokens,
    quotes: readonly string[],
  ): void {
    const markers = tensors.get('markers')?.data.slice() ?? new Float32Array()
    const hiddenSize = manifest.projector.outputSize
    const alone = kind === 'image' && manifest.pooling.frameTokens === 'clips'
    const frameTokens = alone ? new Float32Array() : withTimes(untimed, hiddenSize, tensors)
    const message: TokenMessage = {
      type: 'tokens',
      tokens: { clipId, kind, patchTokens, frameTokens, hiddenSize, markers, quotes },
    }
    this.#port?.postMessage(message, [patchTokens.buffer, frameTokens.buffer, markers.buffer])
  }

  /** The loaded pack; loads it where it is not, or no longer, or another is wanted. */
  async #ensure(report: Report): Promise<Loaded> {
    const options = this.#options
    if (!options) throw new ValleyError('internal', { detail: 'nothing was loaded' })
    const current = this.#loaded
    const fits = current?.options.packUrl === options.packUrl && current.options.backend === options.backend
    if (current && fits && !current.watch.isLost) return current
    this.#loaded = undefined
    await current?.encoder.dispose()
    this.#loaded = await this.#build(options, report)
    return this.#loaded
  }

  async #build(options: LoadOptions, report: Report): Promise<Loaded> {
    const started = performance.now()
    const pack = await this.#packAt(options.packUrl, report)
    const { encoder, ort, gpu, watch } = await this.#createEncoder(pack, options.backend, report)
    const { manifest } = pack
    const info: VisionInfo = {
      packId: manifest.id,
      backend: encoder.backend,
      adapter: encoder.adapter,
      loadMs: performance.now() - started,
    }
    return { options, pack, ort, encoder, info, watch, gpu }
  }

  async #packAt(packUrl: string, report: Report): Promise<LoadedPack> {
    if (this.#pack?.packUrl === packUrl) return this.#pack
    const previous = this.#pack
    this.#pack = undefined
    await previous?.dispose()
    this.#pack = await LoadedPack.read(packUrl, this.#ledger, report)
    return this.#pack
  }

  async #createEncoder(
    pack: VisionPack,
    backend: Backend | undefined,
    report: Report,
  ): Promise<Pick<Loaded, 'encoder' | 'ort' | 'gpu' | 'watch'>> {
    report({ stage: 'session', done: 0, total: 1 })
    const gpu = backend === 'wasm' ? null : await openDevice(this.#ledger)
    const place = placeVision(gpu === null ? 'none' : gpu.software ? 'software' : 'hardware', backend)
    if (!place) throw new ValleyError('unsupported-browser', { feature: 'WebGPU' })
    const onCpu = async (ort: OrtModule) => {
      const encoder = await WasmEncoder.create(ort, this.#ledger, pack)
      report({ stage: 'session', done: 1, total: 1 })
      return { encoder, ort, gpu: null, watch: watchDevice(null) }
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
      return { encoder, ort, gpu, watch }
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

/** What ended a clip's work. A lost device makes whatever runs on it throw, maybe before it says that it is lost. */
async function whyItEnded(thrown: unknown, watch: DeviceWatch | undefined): Promise<ValleyError> {
  if (thrown instanceof ValleyError || !watch) return toValleyError(thrown)
  const { lost } = watch
  const silence = new Promise<null>((resolve) => setTimeout(resolve, lossNoticeMs, null))
  const loss = await Promise.race([lost, silence]).catch((error: ValleyError) => error)
  return loss ?? toValleyError(thrown)
}
