/** What the packs worker offers to the page: which packs there are, whether they run here, and how they get here. */

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
}
