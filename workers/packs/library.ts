/** The packs worker's work: what is on offer, what of it is here, and fetching the rest. */
import { z } from 'zod'
import { type GraphFlavour, throwIfAborted, ValleyError } from '../protocol'
import type { PackOffer, PacksApi } from './api'
import { assessPack, choose, describeDevice } from './fitness'
import { HubLibrary } from './hub/library'
import { importedPacks, importFolder, removeImported } from './import'
import { baseFiles, packFiles, presentBytes } from './pack-files'
import type { FileEntry } from './schema'
import { type BaseSource, openBase, openPack, type PackSource } from './source'
import { isStored } from './stored-pack'

const catalogSchema = z.object({ packs: z.array(z.object({ id: z.string(), path: z.string() })) })

type Opened = { readonly pack: PackSource; readonly base: BaseSource }

export class PackLibrary implements PacksApi {
  /** Folder of the catalog: where imported packs find a base that they came without. */
  #basesUrl: string | undefined
  readonly #hub = new HubLibrary()

  async list(catalogUrl: string): Promise<readonly PackOffer[]> {
    this.#basesUrl = new URL('.', catalogUrl).href
    const response = await fetch(catalogUrl).catch(() => null)
    const catalog = catalogSchema.safeParse(await response?.json().catch(() => null))
    const offered = catalog.success ? catalog.data.packs.map(({ path }) => new URL(path, catalogUrl).href) : []
    const offers = await Promise.all(
      [...offered, ...(await importedPacks())].map((packUrl) =>
        this.#offer(packUrl).catch((thrown: unknown) => {
          console.warn(`${packUrl} is not on offer`, thrown)
          return null
        }),
      ),
    )
    return offers.filter((offer) => offer !== null)
  }

  async download(
    packUrl: string,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { pack, base } = await this.#open(packUrl)
    const jobs = [
      ...packFiles(pack.manifest).map((entry) => ({ entry, file: pack.file })),
      ...(await neededOfBase(base)).map((entry) => ({ entry, file: base.file })),
    ]
    const total = jobs.reduce((sum, { entry }) => sum + entry.bytes, 0)
    let before = 0
    for (const { entry, file } of jobs) {
      throwIfAborted(signal)
      await file(entry, { signal, onProgress: (done) => onProgress(before + done, total) })
      before += entry.bytes
    }
  }

  importFolder: PacksApi['importFolder'] = importFolder

  listHub: PacksApi['listHub'] = (catalogUrl) => this.#hub.list(catalogUrl)
  lookAtHub: PacksApi['lookAtHub'] = (...call) => this.#hub.look(...call)
  downloadFromHub: PacksApi['downloadFromHub'] = (...call) => this.#hub.download(...call)
  removeFromHub: PacksApi['removeFromHub'] = (repository) => this.#hub.remove(repository)

  remove(packUrl: string): Promise<void> {
    if (!isStored(packUrl)) throw new ValleyError('internal', { detail: `${packUrl} was not imported` })
    return removeImported(packUrl)
  }

  async #open(packUrl: string): Promise<Opened> {
    const pack = await openPack(packUrl)
    return { pack, base: await openBase(pack, this.#basesUrl) }
  }

  async #offer(packUrl: string): Promise<PackOffer> {
    const { pack, base } = await this.#open(packUrl)
    const { id, name, version, licence, languages, tower } = pack.manifest
    const imported = isStored(packUrl)
    const present = await presentBytes()
    const here = (entry: FileEntry, stored: boolean) => (stored ? entry.bytes : present(entry))
    const own = packFiles(pack.manifest)
    const shared = await neededOfBase(base)
    const sum = (count: (entry: FileEntry, ofBase: boolean) => number) =>
      own.reduce((total, entry) => total + count(entry, false), 0) +
      shared.reduce((total, entry) => total + count(entry, true), 0)
    const bytes = sum((entry) => entry.bytes)
    const presentNow = sum((entry, ofBase) => here(entry, ofBase ? isStored(base.baseUrl) : imported))
    const graphs = Object.fromEntries(Object.entries(base.manifest.graphs).map(([key, graph]) => [key, graph.bytes]))
    const needs = { graphs, towerBytes: tower.file.bytes, missingBytes: bytes - presentNow }
    const fitness = assessPack(await describeDevice(), needs)
    return { packUrl, id, name, version, licence, languages, imported, bytes, present: presentNow, fitness }
  }
}

/** Of the base's graphs, a device needs the one that it runs. */
async function neededOfBase({ manifest }: BaseSource): Promise<FileEntry[]> {
  const choice = choose(await describeDevice(), Object.keys(manifest.graphs) as GraphFlavour[])
  return baseFiles(manifest, choice ? [choice.flavour] : [])
}
