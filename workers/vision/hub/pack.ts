/** A repository of the hub as the vision worker has it: its encoder's graph, and how its frames and tokens are. */
import { countedReader, graphPaths, type HubGraph, readGraph } from '../../packs/hub/graphs'
import { type HeldHub, openHeld } from '../../packs/hub/held'
import { requireCard } from '../../packs/hub/precision'
import type { HubPooling } from '../../packs/hub/tokens'
import { type Backend, type LoadProgress, type PackIdentity, ValleyError, type VisualTokens } from '../../protocol'
import type { GpuDevice } from '../../runtime/device'
import type { Ledger } from '../../runtime/ledger'
import type { OrtModule } from '../../runtime/ort'
import type { EncodedTokens, Encoder } from '../encoder'
import type { Sampling } from '../plan'
import type { ClipNotes, SeeingPack } from '../seeing-pack'
import { HubEncoder } from './encoder'

/** A frame a second, of long clips no more than a decoder's context holds. */
const sampling: Sampling = { minFrames: 1, maxFrames: 16, defaultFrames: 8, framesPerSecond: 1 }

export class HubPack implements SeeingPack {
  readonly sampling = sampling
  readonly captions = null
  readonly embedsTexts = false
  readonly tellsOrder = false

  private constructor(
    readonly packUrl: string,
    readonly held: HeldHub,
    readonly graph: HubGraph,
  ) {}

  /** Reads what is kept of a repository. Errors: as openHeld and readHubFile */
  static async read(packUrl: string, repository: string, report: (progress: LoadProgress) => void): Promise<HubPack> {
    report({ stage: 'manifest', done: 0, total: 1 })
    const held = await openHeld(repository)
    report({ stage: 'manifest', done: 1, total: 1 })
    const { manifest } = held
    const read = countedReader(manifest, graphPaths(manifest, 'vision_encoder'), report)
    return new HubPack(packUrl, held, await readGraph(manifest, 'vision_encoder', read))
  }

  get hash(): string {
    return this.held.identity.hash
  }

  get identity(): PackIdentity {
    return this.held.identity
  }

  get hiddenSize(): number {
    return this.held.model.text.hiddenSize
  }

  get runsOn(): Backend {
    return this.held.manifest.backend
  }

  pooling(asked: HubPooling | undefined): HubPooling {
    return asked ?? this.held.manifest.pooling
  }

  /** Errors: as requireCard and openSession */
  async openOnCpu(ort: OrtModule, ledger: Ledger): Promise<Encoder> {
    this.#require(null)
    return HubEncoder.onCpu(ort, ledger, this.held.model, this.graph)
  }

  /** Errors: as requireCard and openSession */
  async openOnGpu(ort: OrtModule, gpu: GpuDevice, ledger: Ledger, towerOn: Backend): Promise<Encoder> {
    this.#require(towerOn === 'webgpu' ? { software: false, shaderF16: gpu.shaderF16 } : null)
    return HubEncoder.onGpu(ort, gpu, ledger, this.held.model, this.graph, towerOn)
  }

  #require(card: Parameters<typeof requireCard>[2]): void {
    const { repository, precisions } = this.held.manifest
    requireCard(repository, [precisions.vision_encoder], card)
  }

  async textTower(): Promise<never> {
    throw new ValleyError('no-text-tower', { packId: this.identity.id })
  }

  handOver({ patchTokens, frameTokens }: EncodedTokens, { clipId, kind, times, pooling }: ClipNotes): VisualTokens {
    const hub = { pooling: this.pooling(pooling), times }
    const { hiddenSize } = this
    return { clipId, kind, patchTokens, frameTokens, hiddenSize, markers: new Float32Array(), quotes: [], hub }
  }

  async dispose(): Promise<void> {}
}
