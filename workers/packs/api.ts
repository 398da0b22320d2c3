/** What the packs worker offers to the page: which packs there are, whether they run here, and how they get here. */

import type { Backend, ErrorCode, ErrorData } from '../protocol'
import type { HubName } from './hub/repository'
import type { HubPooling, VisualShape } from './hub/tokens'

/** Why a pack does not run here, or (storage) why it must be fetched anew at each visit. */
export type PackProblem = 'decoder' | 'graph' | 'memory' | 'storage'

export type PackFitness = {
  readonly runs: boolean
  /** Where its decoder would run; null: nowhere. */
  readonly backend: 'webgpu' | 'wasm' | null
  readonly problems: readonly PackProblem[]
}

export type PackOffer = {
  /** Absolute URL of pack.json; of an imported pack, `opfs:`. */
  readonly packUrl: string
  readonly id: string
  readonly name: string
  readonly version: string
  readonly licence: string
  /** BCP 47 tags. */
  readonly languages: readonly string[]
  readonly imported: boolean
  /** Bytes of all files that this device needs, and how many of them are here, checked or in part. */
  readonly bytes: number
  readonly present: number
  readonly fitness: PackFitness
}

/** Why a repository's model does not run here: an error of the closed set, not thrown. */
export type HubProblem = { readonly code: ErrorCode; readonly data: ErrorData }

/** Whether this device runs a repository's model, and what it takes, told before anything large is fetched. */
export type HubFitness = {
  /** null: too little is known of its files; the hub must be asked. */
  readonly runs: boolean | null
  /** Where it would run; null: not known. */
  readonly backend: Backend | null
  /** Whether its files for this device compute in 16 bits on the graphics card. */
  readonly shaderF16: boolean
  /** Bytes of the largest tensor that the graphics card must take in one buffer; null on the processor, or not known. */
  readonly buffer: number | null
  /** Estimate of what the loaded model takes, in bytes; null: not known. */
  readonly memory: number | null
  readonly problems: readonly HubProblem[]
}

/** A repository of the hub, as the catalogue has it or as it is held here. */
export type HubOffer = {
  /** `owner/name` there. */
  readonly repository: string
  readonly name: string
  /** 40 hexadecimal digits; null: the newest one is taken at the first download, and kept to. */
  readonly commit: string | null
  readonly licence: string | null
  /** BCP 47 tags; [] where nobody says. */
  readonly languages: readonly string[]
  /** Bytes of what this device needs of it; null: only the hub knows. */
  readonly bytes: number | null
  readonly present: number
  readonly fitness: HubFitness
  /** How its clips are pooled where nobody says otherwise. */
  readonly pooling: HubPooling
  /** What its clips cost is told from (visualCost); null: not known before the hub is asked. */
  readonly visual: VisualShape | null
  /** What of the catalogue's entry could not be confirmed; docs/packs.md has the sources of the rest. */
  readonly unconfirmed: readonly string[]
}

/** A repository as the hub describes it, before anything large is fetched. */
export type HubLook = HubOffer & {
  readonly commit: string
  readonly bytes: number
  readonly visual: VisualShape
  readonly family: string
  /** How each of its parts is stored in the file that this device takes. */
  readonly precisions: Readonly<Record<string, string>>
  /** Better forms that are not taken: `part/precision: why`. */
  readonly refused: readonly string[]
}

/** A file of a folder that a person chose, with its path in it. */
export type FolderFile = { readonly path: string; readonly file: Blob }

export type PacksApi = {
  /** The catalog's packs, then the imported ones. Those whose manifests cannot be read are left out. */
  list(catalogUrl: string): Promise<readonly PackOffer[]>
  /**
   * Fetches all files of a pack. Aborting is a pause: what came stays, and the next call goes on from there.
   * Errors: download-failed, integrity, pack-invalid, aborted.
   */
  download(packUrl: string, onProgress: (done: number, total: number) => void, signal: AbortSignal): Promise<void>
  /**
   * Checks every pack in a folder against the format, its sizes and hashes, and copies it here; resolves to their URLs.
   * Errors: pack-invalid {path, problems}, quota, aborted.
   */
  importFolder(
    files: readonly FolderFile[],
    basesUrl: string,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<readonly string[]>
  /** Removes an imported pack. */
  remove(packUrl: string): Promise<void>
  /** The catalogue's repositories, then the others that are held here. Asks the hub nothing. */
  listHub(catalogUrl: string): Promise<readonly HubOffer[]>
  /**
   * Asks the hub at `origin` what a repository is, and what of it this device would run. A revision of null is what the
   * catalogue pins, where `listHub` was called before, else the newest.
   * Errors: hub-gated, hub-moved, hub-busy, hub-blocked, hub-family, hub-config, hub-layout, hub-too-big, hub-integrity,
   * download-failed, aborted
   */
  lookAtHub(origin: string, name: HubName, signal: AbortSignal): Promise<HubLook>
  /**
   * Fetches what this device needs of a repository: goes on with what an earlier call began, unless the name says another
   * revision; a revision of null as in lookAtHub. Aborting is a pause. Errors: as lookAtHub, and quota {needed, free}.
   */
  downloadFromHub(
    origin: string,
    name: HubName,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void>
  /** Deletes a repository's files. */
  removeFromHub(repository: string): Promise<void>
}
