/** A pack's vision half in memory: what every clip needs, and the text tower from the first search on. */
import type { PackManifest } from '../packs/schema'
import { openPack, type ReadFile } from '../packs/source'
import { type Backend, type LoadProgress, type PackIdentity, ValleyError, type VisualTokens } from '../protocol'
import type { GpuDevice } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'
import type { EncodedTokens, Encoder, VisionPack } from './encoder'
import { GpuEncoder } from './gpu-encoder'
import { type PackTensors, packTensors } from './pack-tensors'
import { CaptionStore } from './retrieval'
import type { ClipNotes, SeeingPack } from './seeing-pack'
import { TextTower } from './text-tower'
import { withTimes } from './times'
import { WasmEncoder } from './wasm-encoder'

export class LoadedPack implements VisionPack, SeeingPack {
  readonly runsOn = undefined
  #text: TextTower | undefined

  private constructor(
    readonly packUrl: string,
    readonly hash: string,
    readonly manifest: PackManifest,
    readonly tower: Uint8Array<ArrayBuffer>,
    readonly tensors: PackTensors,
    readonly captions: CaptionStore | null,
    readonly file: ReadFile,
    readonly ledger: Ledger,
  ) {}

  /** Fetches and checks manifest, tower, projector and caption store. Errors: as VisionApi.load. */
  static async read(packUrl: string, ledger: Ledger, report: (progress: LoadProgress) => void): Promise<LoadedPack> {
    report({ stage: 'manifest', done: 0, total: 1 })
    const { manifest, hash, file } = await openPack(packUrl)
    report({ stage: 'manifest', done: 1, total: 1 })
    const { tower: towerEntry, projector: projectorEntry, captionStore } = manifest
    const upToTower = towerEntry.file.bytes
    const upToProjector = upToTower + projectorEntry.file.bytes
    const total = upToProjector + (captionStore ? captionStore.texts.bytes + captionStore.vectors.bytes : 0)
    const download = (before: number) => (done: number) => report({ stage: 'download', done: before + done, total })
    const tower = await file(towerEntry.file, { onProgress: download(0) })
    const projector = await file(projectorEntry.file, { onProgress: download(upToTower) })
    const tensors = packTensors(projectorEntry, projector)
    const captions = captionStore ? await CaptionStore.open(captionStore, file, ledger, download(upToProjector)) : null
    return new LoadedPack(packUrl, hash, manifest, tower, tensors, captions, file, ledger)
  }

  get identity(): PackIdentity {
    const { id, name, version } = this.manifest
    return { id, name, version, hash: this.hash }
  }

  get sampling() {
    return this.manifest.sampling
  }

  get hiddenSize(): number {
    return this.manifest.projector.outputSize
  }

  get embedsTexts(): boolean {
    return this.manifest.textTower !== undefined
  }

  get tellsOrder(): boolean {
    return this.embedsTexts && this.manifest.prompt.tellsOrder
  }

  pooling(): undefined {
    return undefined
  }

  openOnCpu(_ort: OrtModule, ledger: Ledger): Promise<Encoder> {
    return WasmEncoder.create(ledger, this)
  }

  openOnGpu(ort: OrtModule, gpu: GpuDevice, ledger: Ledger, towerOn: Backend): Promise<Encoder> {
    return GpuEncoder.create(ort, gpu, ledger, this, towerOn)
  }

  /** See SeeingPack. */
  async textTower(ort: OrtModule, signal: AbortSignal): Promise<TextTower> {
    const { textTower, id } = this.manifest
    if (!textTower) throw new ValleyError('no-text-tower', { packId: id })
    this.#text ??= await TextTower.open(ort, this.ledger, textTower, this.file, signal)
    return this.#text
  }

  handOver(
    { patchTokens, frameTokens: untimed }: EncodedTokens,
    { clipId, kind, quotes }: Pick<ClipNotes, 'clipId' | 'kind' | 'quotes'>,
  ): VisualTokens {
    const { hiddenSize, manifest, tensors } = this
    const markers = tensors.get('markers')?.data.slice() ?? new Float32Array()
    const alone = kind === 'image' && manifest.pooling.frameTokens === 'clips'
    const frameTokens = alone ? new Float32Array() : withTimes(untimed, hiddenSize, tensors)
    return { clipId, kind, patchTokens, frameTokens, hiddenSize, markers, quotes }
  }

  async dispose(): Promise<void> {
    this.captions?.dispose()
    await this.#text?.dispose()
    this.#text = undefined
  }
}
