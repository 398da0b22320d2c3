/** A pack's vision half in memory, whatever it came as: what the engine asks of it. */
import type { HubPooling } from '../packs/hub/tokens'
import type { Backend, PackIdentity, VisualTokens } from '../protocol'
import type { GpuDevice } from '../runtime/device'
import type { Ledger } from '../runtime/ledger'
import type { OrtModule } from '../runtime/ort'
import type { EncodedTokens, Encoder } from './encoder'
import type { Sampling } from './plan'
import type { CaptionStore } from './retrieval'
import type { TextTower } from './text-tower'

/** What the language worker must know of a clip beside its tokens. */
export type ClipNotes = {
  readonly clipId: string
  readonly kind: 'video' | 'image'
  readonly quotes: readonly string[]
  /** When each frame is seen, in seconds from the clip's start. */
  readonly times: readonly number[]
  /** As the clip was encoded with; see `SeeingPack.pooling`. */
  readonly pooling: HubPooling | undefined
}

export type SeeingPack = {
  readonly packUrl: string
  readonly hash: string
  readonly identity: PackIdentity
  readonly sampling: Sampling
  /** Width of its visual tokens. */
  readonly hiddenSize: number
  /** null: it quotes nothing. */
  readonly captions: CaptionStore | null
  /** Whether there is a text tower to ask. */
  readonly embedsTexts: boolean
  /** See VisionInfo. */
  readonly tellsOrder: boolean
  /** Where its files were chosen to run; undefined: wherever it is faster. */
  readonly runsOn: Backend | undefined
  /** How a clip is pooled where that was asked for; undefined: the pack has one way. */
  pooling(asked: HubPooling | undefined): HubPooling | undefined
  openOnCpu(ort: OrtModule, ledger: Ledger): Promise<Encoder>
  /** The encoder owns `gpu` once this resolves. @param towerOn  the tower alone may run on the CPU */
  openOnGpu(ort: OrtModule, gpu: GpuDevice, ledger: Ledger, towerOn: Backend): Promise<Encoder>
  /** The text tower, fetched and opened at the first call. Errors: no-text-tower, as ReadFile, pack-invalid, aborted. */
  textTower(ort: OrtModule, signal: AbortSignal): Promise<TextTower>
  /** Tokens as they are handed over; they are given away. */
  handOver(tokens: EncodedTokens, notes: ClipNotes): VisualTokens
  dispose(): Promise<void>
}
