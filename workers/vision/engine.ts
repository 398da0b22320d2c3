/** The vision worker's state: one loaded pack on one backend, one clip encoded at a time, recovery from a lost device. */
import { contentHash } from '../cache/content-hash'
import {
  type ClipSource,
  type EncodeEvent,
  type EncodeOptions,
  type GpuMemory,
  hubRepository,
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
import type { DeviceLoss } from '../runtime/device-loss'
import { EventStream } from '../runtime/event-stream'
import { Ledger } from '../runtime/ledger'
import { macrotask } from '../runtime/macrotask'
import { limitThreads } from '../runtime/ort'
import { type ClipContext, encodeClip } from './encode-clip'
import type { EncodedTokens, Encoder } from './encoder'
import { HubPack } from './hub/pack'
import { type ClipKey, ClipRecording, KeptClips, replay } from './kept-clips'
import { LoadedPack } from './loaded-pack'
import { type OpenEncoder, openEncoder } from './open-encoder'
import { Opening } from './opening'
import type { ClipNotes, SeeingPack } from './seeing-pack'
import { Turns } from './turns'

/** Steps of an encoder's warming that do not wait until everything is loaded: the first ones are worth most. */
const besideLoading = 2
/** How long something that threw waits for the news that its device was lost. */
const lossNoticeMs = 100

type Report = (progress: LoadProgress) => void
type Loaded = OpenEncoder & { readonly options: LoadOptions; readonly pack: SeeingPack; readonly info: VisionInfo }

export class VisionEngine implements VisionApi {
  readonly #ledger = new Ledger()
  readonly #turns = new Turns()
  readonly #kept = new KeptClips()
  #options: LoadOptions | undefined
  /** Outlives a lost device, which takes the encoder with it. */
  #pack: SeeingPack | undefined
  #loaded: Loaded | undefined
  /** The warming that began with the load; never rejects. */
  #warmth: Promise<boolean> | undefined
  /** Steps of the encoder's warm-up that have been begun. */
  #warmed = 0
  #port: MessagePort | undefined

  async load(options: LoadOptions, onProgress: Report): Promise<VisionInfo> {
    return this.#turns.take(undefined, async () => {
      this.#options = options
      if (options.threads) limitThreads(options.threads)
      const loaded = await this.#ensure(onProgress)
      if (options.warmUp === false) return loaded.info
      this.#warmed = Math.min(besideLoading, loaded.encoder.idleWarmUp.length)
      this.#warmth = this.#warmUp(loaded, loaded.encoder.idleWarmUp.slice(0, besideLoading))
      return loaded.info
    })
  }

  async warmUp(): Promise<boolean> {
    const loaded = this.#loaded
    if (!loaded) return false
    await this.#warmth
    const { encoder, pack } = loaded
    const searches = pack.captions?.idleWarmUp ?? []
    // After what was done beside loading: they are short, and the tokens of every clip wait for such a search.
    const steps = [
      ...encoder.idleWarmUp.slice(0, besideLoading),
      ...searches,
      ...encoder.idleWarmUp.slice(besideLoading),
    ]
    const step = steps[this.#warmed]
    if (!step) return false
    this.#warmed += 1
    return this.#warmUp(loaded, [step])
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

  /** Goes on without waiting for whoever reads the events; when the last one is read, everything is closed. */
  encode(source: ClipSource, options: EncodeOptions, signal: AbortSignal): AsyncIterable<EncodeEvent> {
    const left = new AbortController()
    const stream = new EventStream<EncodeEvent>(() => left.abort())
    const run = async () => {
      const either = AbortSignal.any([signal, left.signal])
      for await (const event of this.#encode(source, options, either)) stream.push(event)
    }
    run().then(
      () => stream.end(),
      (thrown: unknown) => stream.fail(thrown),
    )
    return stream
  }

  async *#encode(
    source: ClipSource,
    options: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const done = await this.#turns.enter(signal)
    let loaded: Loaded | undefined
    let opening: Opening | undefined
    try {
      const started = performance.now()
      loaded = await this.#ensure(() => undefined)
      const { encoder, pack } = loaded
      // Beside each other: both mostly wait for the file.
      opening = new Opening(source, options.name, pack.sampling.framesPerSecond, this.#ledger, signal)
      const content = contentHash(source)
      content.catch(() => undefined)
      const frames = options.frames ?? pack.sampling.defaultFrames
      const { route, moments } = options
      const { backend } = encoder
      const pooling = pack.pooling(options.pooling)
      const seen: Omit<ClipKey, 'contentHash'> = { packHash: pack.hash, frames, moments, pooling, backend, route }
      const keeps = this.#options?.keepClips === true
      const kept = keeps ? await this.#kept.find({ ...seen, contentHash: await content }) : null
      throwIfAborted(signal)
      if (kept) {
        const { tokens, quotes, times } = kept
        this.#send(pack, tokens, { clipId: options.clipId, kind: kept.clip.media.kind, quotes, times, pooling })
        yield* replay(kept, options, pack.identity, started)
        return
      }
      const recording = new ClipRecording()
      for await (const event of this.#encodeAnew(loaded, content, recording, opening, options, signal)) {
        const clip = recording.add(event)
        if (clip && keeps) this.#kept.keep({ ...seen, contentHash: clip.clip.contentHash }, clip)
        yield event
        // Between two frames the encoder is at rest: words that are looked for need not wait for the whole clip.
        if (event.type === 'frame' && !loaded.loss.error) await this.#turns.pause()
      }
    } catch (thrown) {
      throw await whyItEnded(thrown, loaded?.loss)
    } finally {
      await opening?.close()
      done()
    }
  }

  #encodeAnew(
    { encoder, pack, loss }: Loaded,
    contentHash: Promise<string>,
    recording: ClipRecording,
    opening: Opening,
    options: EncodeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<EncodeEvent, void, undefined> {
    const pooling = pack.pooling(options.pooling)
    const deliver: ClipContext['deliver'] = ({ kind }, tokens, times, vectors) => {
      const quotes = pack.captions?.quotesFor(vectors) ?? []
      recording.finish(tokens, quotes, times)
      this.#send(pack, tokens, { clipId: options.clipId, kind, quotes, times, pooling })
    }
    return encodeClip({ encoder, pack, pooling, loss, contentHash, deliver }, opening, options, signal)
  }

  async embedTexts(texts: readonly string[], signal: AbortSignal): Promise<Float32Array<ArrayBuffer>> {
    return this.#turns.short(signal, async () => {
      const { pack, ort } = await this.#ensure(() => undefined)
      return (await pack.textTower(ort, signal)).embed(texts, signal)
    })
  }

  #send(pack: SeeingPack, encoded: EncodedTokens, notes: ClipNotes): void {
    const tokens = pack.handOver(encoded, notes)
    const message: TokenMessage = { type: 'tokens', tokens }
    const { patchTokens, frameTokens, markers } = tokens
    this.#port?.postMessage(message, [patchTokens.buffer, frameTokens.buffer, markers.buffer])
  }

  /** The loaded pack; loads it where it is not, or no longer, or another is wanted. */
  async #ensure(report: Report): Promise<Loaded> {
    const options = this.#options
    if (!options) throw new ValleyError('internal', { detail: 'nothing was loaded' })
    const current = this.#loaded
    const fits = current?.options.packUrl === options.packUrl && current.options.backend === options.backend
    if (current && fits && !current.loss.error) return current
    this.#loaded = undefined
    await current?.encoder.dispose()
    this.#loaded = await this.#build(options, report)
    return this.#loaded
  }

  async #build(options: LoadOptions, report: Report): Promise<Loaded> {
    const started = performance.now()
    const pack = await this.#packAt(options.packUrl, report)
    const open = await openEncoder(pack, options.backend, this.#ledger, report)
    const { encoder, frameMs } = open
    const info: VisionInfo = {
      packId: pack.identity.id,
      backend: encoder.backend,
      adapter: encoder.adapter,
      embedsTexts: pack.embedsTexts,
      tellsOrder: pack.tellsOrder,
      loadMs: performance.now() - started,
      ...(frameMs ? { frameMs } : {}),
    }
    return { ...open, options, pack, info }
  }

  /** Makes the first clip's frames as fast as later ones, for as long as nobody wants the encoder; whether nobody did. */
  async #warmUp({ encoder }: Loaded, steps: Encoder['idleWarmUp']): Promise<boolean> {
    for (const step of steps) {
      // What came meanwhile goes first; and a clip that is encoded warms the encoder as well.
      await macrotask()
      if (this.#turns.busy || this.#loaded?.encoder !== encoder) return false
      // Without a turn: a clip that comes now is opened and decoded beside it.
      await step().catch((thrown: unknown) => console.warn('no warm-up', thrown))
    }
    return true
  }

  async #packAt(packUrl: string, report: Report): Promise<SeeingPack> {
    if (this.#pack?.packUrl === packUrl) return this.#pack
    const previous = this.#pack
    this.#pack = undefined
    await previous?.dispose()
    const repository = hubRepository(packUrl)
    this.#pack =
      repository === null
        ? await LoadedPack.read(packUrl, this.#ledger, report)
        : await HubPack.read(packUrl, repository, report)
    return this.#pack
  }
}

/** What ended a clip's work. A lost device makes whatever runs on it throw, maybe before it says that it is lost. */
async function whyItEnded(thrown: unknown, loss: DeviceLoss | undefined): Promise<ValleyError> {
  if (thrown instanceof ValleyError || !loss) return toValleyError(thrown)
  const silence = new Promise<ValleyError>((resolve) => setTimeout(resolve, lossNoticeMs, toValleyError(thrown)))
  return loss.orLost(silence).catch((error: ValleyError) => error)
}
