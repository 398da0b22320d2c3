/** The packs worker's dealings with the hub: what is offered and held, looking at a repository, fetching and deleting it. */
import { ValleyError } from '../../protocol'
import type { HubLook, HubOffer } from '../api'
import { describeDevice } from '../fitness'
import { presentBytes } from '../pack-files'
import { type HubEntry, listedParts, readHubEntries } from './catalogue'
import {
  downloadRepository,
  type HubInspection,
  type HubTerms,
  inspectRepository,
  removeRepository,
  resumeRepository,
} from './download'
import { type HubManifest, hubManifests, readHubManifest } from './manifest'
import { chooseFiles, type HubDevice, hubParts } from './precision'
import { visualShape } from './tokens'

export class HubLibrary {
  #entries: readonly HubEntry[] = []

  async list(catalogUrl: string): Promise<readonly HubOffer[]> {
    this.#entries = await readHubEntries(catalogUrl)
    const device = await describeDevice()
    const held = new Map((await hubManifests()).map((manifest) => [manifest.repository, manifest]))
    const present = await presentBytes()
    const here = (manifest: HubManifest | undefined) =>
      manifest ? manifest.files.reduce((sum, file) => sum + present(file), 0) : 0
    const total = (manifest: HubManifest) => manifest.files.reduce((sum, { bytes }) => sum + bytes, 0)
    const offered = this.#entries.map((entry): HubOffer => {
      const manifest = held.get(entry.repository)
      held.delete(entry.repository)
      const { repository, name, revision, licence, languages, pooling, unconfirmed } = entry
      return {
        repository,
        name,
        commit: manifest?.commit ?? revision,
        licence,
        languages: languages ?? [],
        bytes: manifest ? total(manifest) : listedBytes(entry, device),
        present: here(manifest),
        pooling,
        visual: manifest?.visual ?? null,
        unconfirmed,
      }
    })
    const others = [...held.values()].map((manifest): HubOffer => {
      const { repository, name, commit, licence, languages, pooling, visual } = manifest
      const sizes = { bytes: total(manifest), present: here(manifest) }
      return { repository, name, commit, licence, languages, ...sizes, pooling, visual, unconfirmed: [] }
    })
    return [...offered, ...others]
  }

  async look(origin: string, repository: string, signal: AbortSignal): Promise<HubLook> {
    const { listing, model, choice, files, bytes } = await this.#inspect(origin, repository, signal)
    const present = await presentBytes()
    return {
      repository,
      commit: listing.commit,
      licence: listing.licence,
      languages: listing.languages,
      bytes,
      // Small files have no SHA-256 before they are here.
      present: files.reduce((sum, { sha256, ...file }) => sum + (sha256 ? present({ ...file, sha256 }) : 0), 0),
      family: model.family,
      backend: choice.backend,
      precisions: Object.fromEntries(hubParts.map((part) => [part, choice.files[part].precision])),
      refused: choice.refused.map(({ part, precision, why }) => `${part}/${precision}: ${why}`),
      memory: choice.memory,
      pooling: this.#terms(repository).pooling,
      visual: visualShape(model, choice.files.decoder_model_merged.precision),
    }
  }

  async download(
    origin: string,
    repository: string,
    onProgress: (done: number, total: number) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const held = await readHubManifest(repository)
    if (held) return resumeRepository(origin, held, onProgress, signal)
    const inspection = await this.#inspect(origin, repository, signal)
    await downloadRepository(origin, inspection, this.#terms(repository), onProgress, signal)
  }

  remove(repository: string): Promise<void> {
    return removeRepository(repository)
  }

  #entry(repository: string): HubEntry | undefined {
    return this.#entries.find((one) => one.repository === repository)
  }

  #terms(repository: string): HubTerms {
    const { name, pooling } = this.#entry(repository) ?? { name: repository, pooling: 'own' }
    return { name, pooling }
  }

  async #inspect(origin: string, repository: string, signal: AbortSignal): Promise<HubInspection> {
    const entry = this.#entry(repository)
    return inspectRepository(origin, repository, entry?.revision ?? 'main', await describeDevice(), signal)
  }
}

/** What the catalogue says that this device would fetch; null where it does not list enough to tell. */
function listedBytes(entry: HubEntry, device: HubDevice): number | null {
  try {
    return chooseFiles(entry.repository, { ...device, memoryGiB: null }, listedParts(entry), null).bytes
  } catch (thrown) {
    if (thrown instanceof ValleyError) return null
    throw thrown
  }
}
